//! The network's computation, by tract. Nothing else in this crate knows the runtime.

use std::io::Cursor;
use std::sync::Arc;

use tract_onnx::prelude::*;

use crate::frame::Sides;

/// Names that the file gives to its outputs, in the order of [`Maps`]; a fourth, the landmarks, is not computed.
const OUTPUTS: [&str; 3] = ["537", "538", "539"];

/// The network as read, before it is made ready for one size of input.
pub(super) struct Network(InferenceModel);

/// The network, optimised for one size of input.
pub(super) struct Plan {
    size: Sides,
    runnable: Arc<TypedRunnableModel>,
}

/// What the network computes: planes of a quarter of the input's sides, rows from the top, one after another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Maps {
    /// One plane: how likely a face's centre lies in this square of 4 x 4 pixels, 0..=1.
    pub(super) heat: Vec<f32>,
    /// Two planes: the logarithm of the face's height, then of its width, in units of 4 pixels.
    pub(super) log_size: Vec<f32>,
    /// Two planes: where in the square the centre lies, first down, then across, in units of 4 pixels.
    pub(super) offset: Vec<f32>,
}

impl Network {
    pub(super) fn read(onnx: &[u8]) -> Result<Self, String> {
        tract_onnx::onnx()
            .model_for_read(&mut Cursor::new(onnx))
            .and_then(|model| model.with_outputs_by_name(OUTPUTS))
            .map(Self)
            .map_err(|cause| format!("{cause:#}"))
    }

    pub(super) fn plan(&self, size: Sides) -> Result<Plan, String> {
        let input = f32::fact([1, 3, usize::from(size.height), usize::from(size.width)]);
        let ready = || {
            let mut model = self.0.clone().with_input_fact(0, input.into())?;
            // The file states the sides it was exported with; those that follow from this input replace them.
            for output in 0..OUTPUTS.len() {
                model.set_output_fact(output, InferenceFact::default())?;
            }
            model.into_optimized()?.into_runnable()
        };
        let runnable = ready().map_err(|cause| format!("{cause:#}"))?;
        Ok(Plan { size, runnable })
    }
}

impl Plan {
    /// Computes the maps of interleaved RGB of this plan's size.
    pub(super) fn run(&self, pixels: &[u8]) -> Result<Maps, String> {
        let area = self.size.area();
        let mut planes = vec![0_f32; 3 * area];
        for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(pixels.as_chunks::<3>().0) {
                *value = f32::from(pixel[channel]);
            }
        }
        let shape = [
            1,
            3,
            usize::from(self.size.height),
            usize::from(self.size.width),
        ];
        let outputs = || -> TractResult<Vec<Vec<f32>>> {
            let input = Tensor::from_shape(&shape, &planes)?;
            let outputs = self.runnable.run(tvec!(input.into()))?;
            let values =
                |it: &TValue| Ok(it.to_plain_array_view::<f32>()?.iter().copied().collect());
            outputs.iter().map(values).collect()
        };
        let outputs = outputs().map_err(|cause| format!("{cause:#}"))?;
        match <[Vec<f32>; 3]>::try_from(outputs) {
            Ok([heat, log_size, offset]) => Ok(Maps {
                heat,
                log_size,
                offset,
            }),
            Err(other) => Err(format!(
                "{} outputs instead of {}",
                other.len(),
                OUTPUTS.len()
            )),
        }
    }
}
