//! A network that breaks off in the middle of a batch, counted byte by byte.
//!
//! A proxy stands between the real phone and the real server, and cuts the first upload at a given byte, on its way there or on the way
//! back. What the phone sends in all, from its first request to its last, may be 1.25 times the batch at most.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::drive::Course;
use crate::folders;
use crate::kills::all;
use crate::outcome::check;
use crate::phone::{Phone, Task};
use crate::server::{Server, Start};
use crate::trouble::Dice;

/// What may be sent for a batch that was cut once, in hundredths of the batch.
pub const SENT_MAX_PERCENT: u64 = 125;
/// Frames of the drive: as many as a batch has items.
const FRAMES: u32 = 64;
/// Sides of its pictures, of noise to the last pixel: together they fill a batch of 16 MiB to the brim.
const SIDES: (u16, u16) = (816, 608);
/// The least that the batch has, bytes: 15 MiB.
const BATCH_BYTES_MIN: u64 = 15 * 1_024 * 1_024;
/// Bytes at the end of a batch within which one cut in four is made.
const END_BYTES: u64 = 300_000;
/// Bytes of the answer within which one cut in eight is made.
const ANSWER_BYTES: u64 = 16_000;
/// Bytes that the proxy passes on at once.
const PART_BYTES: usize = 16 * 1_024;

/// Where the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After so many bytes from the phone.
    Upload(u64),
    /// After so many bytes of the server's answer.
    Answer(u64),
}

/// A phone with a whole batch in its queue, and the server's store that it belongs to.
#[derive(Debug)]
pub struct Batch {
    folder: PathBuf,
    phone: Phone,
    /// Bytes that an uncut delivery sends, all requests with their heads.
    pub bytes: u64,
}

/// What cuts came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// How many were made.
    pub number: usize,
    /// The most that was sent, in hundredths of the batch, rounded up.
    pub worst_percent: u64,
    /// Where that cut was.
    pub worst: Option<Cut>,
}

impl Batch {
    /// Fills a phone's queue without a network, and counts what an uncut delivery sends.
    ///
    /// # Errors
    /// The programs fail, or the items do not fill a batch.
    pub fn prepare(folder: &Path) -> Result<Self> {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let now_ms = u64::try_from(now_ms).context("the time")?;
        let drive = folder.join("drive");
        let course = Course {
            seed: 3,
            frames: FRAMES,
            sides: SIDES,
            grain_px: 1,
            began_ms: now_ms - 86_400_000,
            is_flawed: false,
            is_standing: false,
        };
        course.record(&drive)?;
        let mut server = Server::new(&folder.join("server"), &[])?;
        ensure!(server.start(&[])? == Start::Ready, "the server ended");
        server.kill()?;
        let phone = Phone {
            store: folder.join("phone"),
            seed: 5,
            account: format!("eip155:1:0x{:040x}", 0xcc),
            clock_ms: now_ms,
            server_ahead_ms: 0,
            hurry: 1,
            trim_m: 0,
            private_zones: Vec::new(),
            record: None,
        };
        let ended = phone.command(&Task::Replay(drive), None)?.output()?;
        ensure!(
            ended.status.code() == Some(i32::from(crate::player::PENDING)),
            "the phone does not queue its drive: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        let mut batch = Self {
            folder: folder.to_owned(),
            phone,
            bytes: 0,
        };
        batch.bytes = batch.deliver(&folder.join("uncut"), None)?;
        ensure!(
            batch.bytes >= BATCH_BYTES_MIN,
            "the batch has {} bytes only",
            batch.bytes
        );
        Ok(batch)
    }

    /// Delivers through a proxy that cuts once, checks that nothing was lost, and says how many bytes the phone sent.
    ///
    /// # Errors
    /// The programs fail, or a law does not hold.
    pub fn deliver(&self, folder: &Path, cut: Option<Cut>) -> Result<u64> {
        let phone = Phone {
            store: folder.join("phone"),
            ..self.phone.clone()
        };
        folders::copy(&self.phone.store, &phone.store)?;
        folders::copy(&self.folder.join("server"), &folder.join("server"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let settings = [("SERVER__ORIGINS", url.as_str())];
        let mut server = Server::new(&folder.join("server"), &settings)?;
        ensure!(server.start(&[])? == Start::Ready, "the server ended");
        let wire = Wire::between(listener, server.address(), cut);
        let ended = phone.command(&Task::Deliver, Some(&url))?.output()?;
        ensure!(
            ended.status.success(),
            "the phone did not deliver: {} {}",
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr)
        );
        server.kill()?;
        let checked = check(std::slice::from_ref(&phone), &server)?;
        let frames = usize::try_from(FRAMES)?;
        ensure!(
            checked.accepted == frames,
            "{} of {frames} items were accepted",
            checked.accepted
        );
        let sent = wire.sent.load(Ordering::SeqCst);
        fs::remove_dir_all(folder)?;
        Ok(sent)
    }

    /// Makes so many cuts, at bytes drawn from `seed`: over the whole batch, near its end, and within the answer.
    ///
    /// # Errors
    /// See [`Self::deliver`]; or more was sent than may be. What failed lies in `folder`.
    pub fn cut(&self, folder: &Path, number: usize, seed: u64) -> Result<Cuts> {
        let mut dice = Dice(seed);
        let cuts: Vec<Cut> = (0..number).map(|nth| self.draw(nth, &mut dice)).collect();
        let sent = all(&cuts, |cut| {
            let own = folder.join(format!("{cut:?}"));
            let sent = self.deliver(&own, Some(*cut));
            let sent =
                sent.with_context(|| format!("{cut:?}; all of it lies in {}", own.display()))?;
            let percent = (100 * sent).div_ceil(self.bytes);
            ensure!(
                percent <= SENT_MAX_PERCENT,
                "{cut:?}: {sent} bytes were sent for a batch of {}",
                self.bytes
            );
            Ok(percent)
        })?;
        let worst = sent.iter().zip(&cuts).max_by_key(|(percent, _)| **percent);
        Ok(Cuts {
            number,
            worst_percent: worst.map_or(0, |(percent, _)| *percent),
            worst: worst.map(|(_, cut)| *cut),
        })
    }

    /// The first eight are one of each kind at least.
    fn draw(&self, nth: usize, dice: &mut Dice) -> Cut {
        match nth % 8 {
            1 => Cut::Answer(dice.below(ANSWER_BYTES)),
            3 | 5 => Cut::Upload(self.bytes - dice.below(END_BYTES)),
            _ => Cut::Upload(dice.below(self.bytes)),
        }
    }
}

/// What passes, and where it ends; cut once.
struct Wire {
    sent: Arc<AtomicU64>,
}

/// Bytes that may still pass before the cut, in each direction; what is not cut may pass for ever.
struct Budget {
    upload: AtomicI64,
    answer: AtomicI64,
}

impl Wire {
    fn between(listener: TcpListener, server: SocketAddr, cut: Option<Cut>) -> Self {
        let wire = Self {
            sent: Arc::default(),
        };
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let (upload, answer) = match cut {
            None => (i64::MAX, i64::MAX),
            Some(Cut::Upload(bytes)) => (signed(bytes), i64::MAX),
            Some(Cut::Answer(bytes)) => (i64::MAX, signed(bytes)),
        };
        let budget = Arc::new(Budget {
            upload: AtomicI64::new(upload),
            answer: AtomicI64::new(answer),
        });
        let sent = Arc::clone(&wire.sent);
        thread::spawn(move || {
            for phone in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(server) {
                    pass_on(phone, server, &sent, &budget);
                }
            }
        });
        wire
    }
}

/// Passes on both ways, each in a thread of its own. Only a connection that carries an upload is cut: the answers to others are short,
/// and count for nothing.
fn pass_on(phone: TcpStream, server: TcpStream, sent: &Arc<AtomicU64>, budget: &Arc<Budget>) {
    let (Ok(to_phone), Ok(to_server)) = (phone.try_clone(), server.try_clone()) else {
        return;
    };
    let of_this = Arc::new(AtomicU64::new(0));
    let (counted, all, limits) = (Arc::clone(&of_this), Arc::clone(sent), Arc::clone(budget));
    thread::spawn(move || {
        pump(phone, to_server, |bytes| {
            all.fetch_add(bytes, Ordering::SeqCst);
            counted.fetch_add(bytes, Ordering::SeqCst);
            spend(&limits.upload, bytes)
        });
    });
    let limits = Arc::clone(budget);
    thread::spawn(move || {
        pump(server, to_phone, |bytes| {
            let is_upload = of_this.load(Ordering::SeqCst) >= BATCH_BYTES_MIN;
            if is_upload {
                spend(&limits.answer, bytes)
            } else {
                bytes
            }
        });
    });
}

/// How many of so many bytes may pass. The cut itself comes once: afterwards everything may.
fn spend(left: &AtomicI64, bytes: u64) -> u64 {
    let wanted = i64::try_from(bytes).unwrap_or(i64::MAX);
    let before = left.fetch_sub(wanted, Ordering::SeqCst);
    if before > wanted {
        return bytes;
    }
    left.store(i64::MAX, Ordering::SeqCst);
    u64::try_from(before).unwrap_or(0)
}

/// Passes on until one side ends, or the connection is cut: then neither side hears of the other again.
fn pump(mut from: TcpStream, mut to: TcpStream, mut allowed: impl FnMut(u64) -> u64) {
    let mut part = vec![0; PART_BYTES];
    while let Ok(bytes @ 1..) = from.read(&mut part) {
        let passing = allowed(u64::try_from(bytes).unwrap_or(u64::MAX));
        let passing = usize::try_from(passing).unwrap_or(bytes);
        let is_passed_on = to.write_all(&part[..passing]).is_ok();
        if passing < bytes || !is_passed_on {
            // Whichever is gone already need not be told.
            drop(from.shutdown(Shutdown::Both));
            drop(to.shutdown(Shutdown::Both));
            return;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}
