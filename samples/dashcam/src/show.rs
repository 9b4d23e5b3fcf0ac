//! What the driver sees: progress on stderr, the outcome on stdout.

use std::io::{self, Write};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use wayhex_device::report::Report;
use wayhex_device::session::Notice;
use wayhex_protocol::reason::Reason;

/// Progress on stderr, where that is a terminal.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A line without a length yet.
    pub fn new() -> Result<Self> {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")?;
        let bar = ProgressBar::no_length().with_style(style);
        Ok(Self { bar })
    }

    /// Shows what a session tells.
    pub fn show(&self, notice: Notice) {
        match notice {
            Notice::Frames { done, total } => {
                self.bar.set_message("frames");
                self.bar.set_length(total.max(done));
                self.bar.set_position(done);
            }
            Notice::Items { done } => {
                self.bar.set_message("items answered for");
                self.bar.set_position(done);
            }
            Notice::Pinned(key) => {
                let text = format!("the server's key is pinned from now on: --server-key {key}");
                self.bar.suspend(|| say(&text));
            }
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// A line on stderr. Where nobody can read it, the exit code says enough.
pub fn say(text: &str) {
    drop(writeln!(io::stderr(), "dashcam: {text}"));
}

/// The report as one JSON object on stdout.
pub fn json(report: &Report) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, report)?;
    Ok(writeln!(out)?)
}

/// The report in a few lines.
pub fn text(report: &Report) -> Result<()> {
    let mut out = io::stdout().lock();
    let (frames, queue) = (&report.frames, &report.queue);
    let drive = &report.drive;
    writeln!(
        out,
        "{} frames over {} m, shifted by {} ms, ends trimmed by {} m",
        frames.seen, drive.metres, drive.time_shift_ms, drive.trim_m
    )?;
    for (name, count) in &frames.dropped {
        explain(&mut out, "dropped", name, *count)?;
    }
    writeln!(
        out,
        "{} faces and {} plates covered in {} pictures",
        report.privacy.faces, report.privacy.plates, frames.queued
    )?;
    writeln!(
        out,
        "{} accepted, {} refused, {} evicted, {} pending",
        queue.accepted, queue.refused, queue.evicted, queue.pending
    )?;
    for (name, count) in &report.verdicts.refused {
        explain(&mut out, "refused", name, *count)?;
    }
    writeln!(
        out,
        "{} bytes sent, {} received; {} of {} receipts verified",
        report.upload.bytes_sent,
        report.upload.bytes_received,
        report.receipts.verified,
        report.receipts.received
    )?;
    Ok(writeln!(
        out,
        "estimate for this epoch: {} millionths of a point",
        report.estimate.points
    )?)
}

fn explain(out: &mut dyn Write, what: &str, name: &str, count: u64) -> io::Result<()> {
    let advice = Reason::from_name(name).map_or("", Reason::advice);
    writeln!(out, "  {what} {count}: {name}. {advice}")
}
