//! Reads the answer to a batch: which receipts the pinned key signed, for which of the items that were sent, and what they say.

use std::collections::BTreeMap;

use serde::Deserialize;
use wayhex_protocol::batch::Answer as ItemAnswer;
use wayhex_protocol::id::{NetworkId, ObservationId};
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;

use crate::ports::Answer;
use crate::queue::{Contents, VerifiedReceipt};

/// What came for an upload.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The receipts that the pinned key signed, with the items they are for, each item at most once.
    pub verified: Vec<(ObservationId, VerifiedReceipt)>,
    /// Receipts that it did not sign, or that are for no item sent.
    pub unverified: u64,
    /// Receipts that repeat an earlier verdict.
    pub replayed: u64,
    /// The server's time of the latest verdict that was given now, Unix milliseconds.
    pub told_ms: Option<u64>,
}

impl Answers {
    /// Reads a body; `None` when it holds something, and no answer.
    pub fn read(
        body: &[u8],
        contents: &Contents,
        network: &NetworkId,
        server_key: &PublicKey,
    ) -> Option<Self> {
        let read = ItemAnswer::read_all(body);
        if read.is_empty() && !body.is_empty() {
            return None;
        }
        let (mut verified, mut answers) = (BTreeMap::new(), Self::default());
        for answer in &read {
            answers.replayed += u64::from(answer.replayed);
            let opened = VerifiedReceipt::open(&answer.receipt, network, server_key);
            let item = opened.ok().and_then(|opened| {
                let answered_id = opened.receipt().id;
                let mut names = contents.names.iter();
                let (id, _) = names.find(|it| it.0 == answered_id || it.1 == answered_id)?;
                Some((*id, opened))
            });
            let Some((id, opened)) = item else {
                answers.unverified += 1;
                continue;
            };
            // A verdict that is repeated was given at some earlier time.
            if !answer.replayed {
                let told_ms = opened.receipt().server_time_ms;
                answers.told_ms = answers.told_ms.max(Some(told_ms));
            }
            verified.entry(id).or_insert(opened);
        }
        answers.verified = verified.into_iter().collect();
        Some(answers)
    }

    /// Whether any receipt gives such a verdict.
    pub fn say(&self, verdict: impl Fn(Verdict) -> bool) -> bool {
        let mut receipts = self.verified.iter().map(|(_, it)| it.receipt().verdict);
        receipts.any(verdict)
    }

    /// The items whose signer the server does not know.
    pub fn of_unknown_devices(&self) -> impl Iterator<Item = ObservationId> {
        self.verified
            .iter()
            .filter(|(_, it)| it.receipt().verdict == Verdict::Refused(Reason::UnknownDevice))
            .map(|(id, _)| *id)
    }
}

/// Whether a server says that it never heard of a batch.
pub(super) fn is_batch_unknown(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    serde_json::from_slice::<Problem>(&answer.body)
        .is_ok_and(|problem| problem.code == "batch_unknown")
}
