//! A dashcam on the desktop: a camera or a recorded drive through the device pipeline, to a server.
//!
//! Exit codes: 0 done; 1 internal; 2 usage, or a store that another process or network has; 3 something is missing, or the
//! model is not one that the policy accepts; 4 the drive cannot be read, or nothing in it was kept; 5 items are pending, or the
//! report tells another error, such as a server that was not reached; 6 the store or the recording cannot be written, because the
//! disk is full, read-only or failing; 130 interrupted. From 4 on the report is printed, too, with 6 as far as the store can be read.

mod memory;
mod options;
mod show;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use tracing_subscriber::EnvFilter;
use wayhex_device::ports::{Detector, StoragePath};
use wayhex_device::queue::QueueError;
use wayhex_device::report::Report;
use wayhex_device::session::{Ports, STORAGE_CODES, Session, SessionError, storage_code};
use wayhex_device::sign::{KeyError, SoftwareKey};
use wayhex_device::source::RecordError;
use wayhex_device::system::{SystemClock, SystemRandom};
use wayhex_device::upload::http::HttpTransport;
use wayhex_vision::CenterFace;

use options::Options;
use show::{Progress, say};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done = 0,
    Internal = 1,
    Usage = 2,
    Missing = 3,
    NothingKept = 4,
    Pending = 5,
    Storage = 6,
    Interrupted = 130,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let filter =
        EnvFilter::try_from_env("WAYHEX_LOG").unwrap_or_else(|_unset| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let end = run(&options).unwrap_or_else(|(end, error)| {
        say(&format!("{error:#}"));
        end
    });
    ExitCode::from(end as u8)
}

fn run(options: &Options) -> Result<End, (End, anyhow::Error)> {
    let settings = options.settings().map_err(|error| (End::Usage, error))?;
    let detector = load(options).map_err(|error| (End::Missing, error))?;
    if options.camera.is_some() && cfg!(not(feature = "camera")) {
        let how = "this dashcam was built without a camera: `cargo build -p wayhex-dashcam --features camera`";
        return Err((End::Missing, anyhow::anyhow!(how)));
    }
    let internal = |error| (End::Internal, error);
    let (report, interrupted) =
        drive(options, settings, detector).map_err(|error| (end_of_error(&error), error))?;
    if report.drive.sha256.is_some() && report.drive.trim_m == 0 {
        say("the drive's ends are not trimmed");
    }
    let printed = if options.json {
        show::json(&report)
    } else {
        show::text(&report)
    };
    printed.map_err(internal)?;
    for error in &report.errors {
        say(&format!(
            "{}: {}: {}",
            error.code, error.subject, error.cause
        ));
    }
    Ok(end_of(&report, options.offline, interrupted))
}

/// What the options ask of a store that cannot be had is wrong usage; a disk is told apart from what is not the user's doing.
fn end_of_error(error: &anyhow::Error) -> End {
    match error.downcast_ref() {
        Some(SessionError::ModelNotAccepted { .. }) => End::Missing,
        Some(
            SessionError::Queue(QueueError::InUse { .. } | QueueError::OtherNetwork { .. })
            | SessionError::OtherZones { .. }
            | SessionError::RecordAgain { .. }
            | SessionError::Record(RecordError::Occupied { .. } | RecordError::Incomplete { .. })
            | SessionError::Zones(_),
        ) => End::Usage,
        _ if is_of_the_disk(error) => End::Storage,
        _ => End::Internal,
    }
}

/// Whether the store's folder, key, queue or recording failed for the disk.
fn is_of_the_disk(error: &anyhow::Error) -> bool {
    let folder = error
        .downcast_ref::<std::io::Error>()
        .map(|it| storage_code(it));
    let key = error.downcast_ref::<KeyError>().map(|it| storage_code(it));
    let session = error
        .downcast_ref::<SessionError>()
        .map(SessionError::storage_code);
    folder.or(key).or(session).flatten().is_some()
}

fn end_of(report: &Report, offline: bool, interrupted: bool) -> End {
    if interrupted {
        End::Interrupted
    } else if report
        .errors
        .iter()
        .any(|it| STORAGE_CODES.contains(&it.code.as_str()))
    {
        End::Storage
    } else if report.frames.queued == 0 {
        End::NothingKept
    } else if !offline && !report.ok {
        End::Pending
    } else {
        End::Done
    }
}

fn load(options: &Options) -> Result<Arc<dyn Detector>> {
    let detector = CenterFace::load(&options.models.join("centerface.onnx"))?;
    Ok(Arc::new(detector))
}

/// Takes the drive through a session; the report, and whether it was interrupted.
fn drive(
    options: &Options,
    settings: wayhex_device::session::Settings,
    detector: Arc<dyn Detector>,
) -> Result<(Report, bool)> {
    let store = StoragePath::create(&options.store)
        .with_context(|| format!("cannot make the store {}", options.store.display()))?;
    let (clock, random) = (SystemClock::default(), SystemRandom::default());
    let key = SoftwareKey::open(&store.key(), &random)?;
    let (transport, network) = (HttpTransport::new()?, options.network_kind());
    let ports = Ports {
        clock: &clock,
        random: &random,
        transport: &transport,
        network: &network,
        signer: &key,
        detectors: vec![detector],
    };
    let progress = Progress::new()?;
    let mut session = Session::open(store, settings, ports)?;
    session.on_notice(|notice| progress.show(notice));
    let stop = session.stop_flag();
    ctrlc::set_handler(move || stop.stop()).context("cannot listen for interruption")?;
    session.connect();
    match take(options, &mut session, clock).and_then(|()| session.deliver()) {
        Ok(()) => {}
        // The report says which drive it was, and why.
        Err(SessionError::Drive(error)) => {
            let subject = options.replay.as_deref().unwrap_or(&options.store);
            session.note_error(
                "drive_unreadable",
                &subject.display().to_string(),
                error.to_string(),
            );
        }
        Err(error) => match error.storage_code() {
            Some(code) => {
                let subject = options.store.display().to_string();
                session.note_error(code, &subject, error.to_string());
            }
            None => return Err(error.into()),
        },
    }
    progress.end();
    let interrupted = session.stop_flag().is_set();
    let mut report = session.report()?;
    report.peak_memory_bytes = memory::peak_bytes();
    Ok((report, interrupted))
}

fn take(
    options: &Options,
    session: &mut Session<'_>,
    clock: SystemClock,
) -> Result<(), SessionError> {
    match (&options.replay, options.camera) {
        (Some(folder), _) => session.replay(folder),
        (None, Some(number)) => film(number, session, clock),
        (None, None) => Ok(()),
    }
}

#[cfg(feature = "camera")]
fn film(number: u32, session: &mut Session<'_>, clock: SystemClock) -> Result<(), SessionError> {
    use wayhex_device::source::{CameraSource, NoFixes};
    match CameraSource::open(number, Box::new(NoFixes), Arc::new(clock)) {
        Ok(mut source) => session.film(&mut source),
        Err(error) => {
            let subject = format!("camera {number}");
            session.note_error("camera_failed", &subject, error.to_string());
            Ok(())
        }
    }
}

/// A dashcam without a camera ends before it comes here.
#[cfg(not(feature = "camera"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature that it has with a camera"
)]
fn film(_number: u32, _session: &mut Session<'_>, _clock: SystemClock) -> Result<(), SessionError> {
    Ok(())
}
