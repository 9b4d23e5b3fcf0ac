//! How much memory the process has held at most.

/// Bytes of the largest resident set, as Linux tells it in `/proc/self/status`; `None` on a system that tells otherwise.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1_024)
}
