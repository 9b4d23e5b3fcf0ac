//! Signs anew what never left the phone: where the device's key is lost, and where its clock was wrong.

use wayhex_protocol::key::SignError;
use wayhex_protocol::limits::TIME_AHEAD_MAX_MS;
use wayhex_protocol::observation::{Observation, TimeSource};

use super::{Session, SessionError};
use crate::ports::Signer;
use crate::queue::{Now, OutOfTime, Resigned, Unsent, Which};

impl Session<'_> {
    /// Takes over from a key that is lost. What it signed and nobody has seen is signed by the new one; what may have been sent
    /// keeps its signature, which a server that knows the old key accepts still. The new key has to be registered everywhere.
    pub(super) fn take_over(&mut self) -> Result<(), SessionError> {
        let signer: &dyn Signer = self.ports.signer;
        let device = signer.public_key().thumbprint();
        let before = self.queue.device()?;
        if before == Some(device) {
            return Ok(());
        }
        if let Some(before) = before {
            let network = self.settings.network.clone();
            let replaced = self.sign_anew(Which::All, |item| {
                (item.signer != device).then(|| item.sign_again(&network, signer, |_same| {}))
            })?;
            let Some(count) = replaced else {
                return Ok(());
            };
            let cause = format!(
                "the key {before} is not there any more: {count} items that it signed and that were never sent are signed anew"
            );
            self.note_error("key_changed", &device.to_string(), cause);
        }
        Ok(self.queue.bind_device(device)?)
    }

    /// Gives up what is too old, after the times that a wrong clock made are put right. It needs the server's time: until it is
    /// known, nothing is too old. What only one of the two clocks takes for too old is held, since either may be wrong.
    pub(super) fn keep_time(&mut self) -> Result<(), SessionError> {
        let now @ Now::Confirmed(now_ms) = self.gate.now() else {
            return Ok(());
        };
        let ahead_ms = self.gate.ahead_ms();
        if self.times_kept_at != ahead_ms {
            for session in self.queue.out_of_time(now)? {
                self.put_times_right(session, now_ms, ahead_ms.unwrap_or(0))?;
            }
            self.times_kept_at = ahead_ms;
        }
        let phone_ms = self.ports.clock.now_ms();
        self.queue.evict_aged(now_ms.min(phone_ms))?;
        Ok(())
    }

    /// Puts right the unsent times of a session of which one cannot be: they were the phone's, and are moved by what its clock is
    /// wrong now, or was when a server was heard before, if it was set in between. A recorded drive, all of whose times were shifted
    /// to end at its first play, ends now if neither does. A trip's times by satellites stand.
    fn put_times_right(
        &mut self,
        which: OutOfTime,
        now_ms: u64,
        ahead_ms: i64,
    ) -> Result<(), SessionError> {
        let latest_lawful_ms = now_ms.saturating_add(TIME_AHEAD_MAX_MS);
        let lawful = self.queue.lawful_ms(Now::Confirmed(now_ms));
        let ends_now_ms = signed_ms(now_ms).saturating_sub(signed_ms(which.latest_ms));
        let is_future = which.latest_ms > latest_lawful_ms;
        let candidates = [
            Some(ahead_ms),
            Some(self.gate.ahead_before_ms()),
            (which.is_replay && is_future).then_some(ends_now_ms),
        ];
        // Clocks that agree did not make these times: they are old, or nobody knows any more by how much they are wrong.
        let by_ms = candidates.into_iter().flatten().find(|by_ms| {
            by_ms.unsigned_abs() > TIME_AHEAD_MAX_MS
                && lawful.contains(&which.latest_ms.saturating_add_signed(*by_ms))
        });
        let Some(by_ms) = by_ms else {
            return Ok(());
        };
        let network = self.settings.network.clone();
        let signer: &dyn Signer = self.ports.signer;
        let change = |observation: &mut Observation| {
            observation.captured_at_ms = observation.captured_at_ms.saturating_add_signed(by_ms);
            if !which.is_replay {
                observation.time_source = TimeSource::Server;
            }
        };
        let replaced = self.sign_anew(Which::NotRetimed(which.session), |item| {
            let is_phones = which.is_replay || item.observation.time_source == TimeSource::Phone;
            let right_ms = item.observation.captured_at_ms.saturating_add_signed(by_ms);
            (is_phones && right_ms <= latest_lawful_ms)
                .then(|| item.sign_again(&network, signer, change))
        })?;
        if let Some(count @ 1..) = replaced {
            tracing::info!(
                session = %which.session,
                count,
                by_ms,
                "times that a wrong clock made were put right"
            );
        }
        Ok(())
    }

    /// Replaces unsent items by what `sign` makes of them, and says how many; `None` where the key cannot be used, which the report
    /// tells: they are signed another time.
    fn sign_anew(
        &mut self,
        which: Which,
        mut sign: impl FnMut(Unsent) -> Option<Result<Resigned, SignError>>,
    ) -> Result<Option<usize>, SessionError> {
        let (mut behind, mut count) = (0, 0);
        loop {
            let found = self.queue.unsent(which, behind)?;
            let Some(last) = found.last() else {
                return Ok(Some(count));
            };
            behind = last.place();
            let signed: Result<Vec<Resigned>, SignError> =
                found.into_iter().filter_map(&mut sign).collect();
            match signed {
                Ok(signed) => {
                    count += signed.len();
                    self.queue.replace(&signed)?;
                }
                Err(error) => {
                    let subject = self.store.as_path().display().to_string();
                    self.note_error("key_unavailable", &subject, error.to_string());
                    return Ok(None);
                }
            }
        }
    }
}

fn signed_ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
