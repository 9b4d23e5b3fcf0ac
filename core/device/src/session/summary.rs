//! Says what a session came to.

use super::{Session, SessionError};
use crate::estimate::Weighing;
use crate::ports::Signer;
use crate::report::{
    EstimateReport, ModelReport, PolicyReport, ReceiptsReport, Report, SCHEMA, ServerReport,
    StoreReport, Tally, UploadReport, VerdictsReport,
};
use crate::upload::batches::Batches;

impl Session<'_> {
    /// The report, as things stand now.
    ///
    /// # Errors
    /// The queue failed.
    pub fn report(&self) -> Result<Report, SessionError> {
        let fates = match self.current {
            Some(session) => self.queue.fates(session)?,
            None => Vec::new(),
        };
        let tally = Tally::of(&fates)?;
        let counts = self
            .batches
            .as_ref()
            .map(Batches::counts)
            .unwrap_or_default();
        let traffic = self.gate.traffic();
        let ended = tally.queue.accepted + tally.queue.refused;
        let signer: &dyn Signer = self.ports.signer;
        let wall_ns = self
            .ports
            .clock
            .monotonic_ns()
            .saturating_sub(self.opened_ns);
        let server = self.settings.server.as_ref();
        let models = self.ports.detectors.iter();
        Ok(Report {
            schema: SCHEMA.to_owned(),
            ok: tally.queue.pending == 0 && self.errors.is_empty(),
            drive: self.drive.clone(),
            policy: PolicyReport::of(&self.policy()),
            models: models.map(|it| ModelReport::of(it.identity())).collect(),
            frames: tally.frames,
            privacy: tally.privacy,
            queue: tally.queue,
            store: StoreReport::of(&self.queue, self.gate.now())?,
            upload: UploadReport {
                batches: counts.batches,
                attempts: counts.attempts,
                bytes_sent: traffic.sent,
                bytes_received: traffic.received,
                picture_bytes: counts.picture_bytes,
            },
            verdicts: VerdictsReport {
                accepted: tally.queue.accepted,
                replayed: counts.replayed,
                refused: tally.refused,
            },
            receipts: ReceiptsReport {
                received: ended + counts.unverified,
                verified: ended,
            },
            estimate: self.estimate()?,
            items: tally.items,
            cpu_us: self.times.as_us(),
            wall_ms: wall_ns / 1_000_000,
            server: ServerReport {
                url: server.map(|server| server.origin().to_owned()),
                key: self
                    .known
                    .as_ref()
                    .map(|it| it.key.thumbprint().to_string()),
                store: self.store.as_path().display().to_string(),
            },
            device: signer.public_key().thumbprint().to_string(),
            account: self.settings.account.as_ref().map(ToString::to_string),
            peak_memory_bytes: None,
            errors: self.errors.clone(),
        })
    }

    /// What the open epoch will probably pay: over the items of this store, whichever drive they are of.
    fn estimate(&self) -> Result<EstimateReport, SessionError> {
        let by_receipts = self.queue.latest_epoch()?.unwrap_or(0);
        let epoch = self.freshness.epoch.max(by_receipts);
        let mut weighing = Weighing::new(&self.policy(), self.now_ms());
        self.queue.earning(epoch, |item| weighing.add(item))?;
        let estimate = weighing.estimate(&self.freshness.units);
        Ok(EstimateReport {
            score_micros: estimate.score.total().to_string(),
            points: estimate.payout.total().to_string(),
        })
    }
}
