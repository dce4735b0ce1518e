//! gzip on every core, the same bytes on any number of them.
//!
//! ```text
//! producer --blocks--> workers --deflated--> collector --> sink
//!        \______ blocks, in order ________/
//! ```
//!
//! The producer cuts what it writes into blocks of [`BLOCK_LEN`]; each is deflated by itself and flushed to a byte
//! boundary; the collector strings them together in order. The result is one gzip member (RFC 1952) and not one a
//! block: some readers stop after the first.
//!
//! # Why the bytes do not depend on the machine
//!
//! What a block becomes depends on the block, the level and zlib-rs alone, and zlib-rs is pinned to one release. Some
//! releases of zlib-ng and zlib-rs hashed strings by CRC-32 instructions where there are any, and so found other
//! matches on other processors. The pinned one does not: `deflate/hash_calc.rs` multiplies (or rolls at level 9), and
//! instructions are chosen at run time only in `compare256`, `slide_hash` and checksums, whose results are exact. A
//! test holds a digest.
//!
//! # Why this level and this block
//!
//! Measured on one core of a loaded virtual machine (x86-64, AVX2) in blocks of 1 MiB: 191 MB of unpacked Debian
//! packages, and 80 MB out of Claude Code's program.
//!
//! | level | packages, MB/s | packages, ratio | program, MB/s | program, ratio |
//! |---|---|---|---|---|
//! | 1 | 234 | 0.518 | 191 | 0.610 |
//! | 2 | 122 | 0.430 | 98 | 0.522 |
//! | **3** | **106** | **0.417** | **86** | **0.507** |
//! | 4 | 90 | 0.412 | 75 | 0.502 |
//! | 5 | 81 | 0.408 | 69 | 0.498 |
//! | 6 | 69 | 0.407 | 64 | 0.498 |
//! | 7 | 45 | 0.404 | 43 | 0.494 |
//! | 9 | 23 | 0.391 | 25 | 0.485 |
//!
//! From level 2 to 3 a seventh more time saves 3 % of size, from 3 to 4 again a seventh, but 1 %. Blocks of 256 KiB
//! cost 0.5 % of size, of 4 MiB save 0.1 %; handing each block the end of the one before as a dictionary saves 0.2 %,
//! which is not worth the dependence. Link-time optimisation changes nothing.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use zlib_rs::crc32::{crc32, crc32_combine};
use zlib_rs::{Deflate, DeflateFlush, Status};

use crate::digest::{Digest, Hashing};

/// The length of a block, part of what makes the bytes what they are.
pub const BLOCK_LEN: usize = 1 << 20;

/// The effort, part of what makes the bytes what they are.
const LEVEL: i32 = 3;

/// RFC 1951's largest.
const WINDOW_BITS: u8 = 15;

/// RFC 1952: deflate, no name, no time, no extra flags, an unknown operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// What a compressed stream is known by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Summary {
    /// Of the bytes before compression.
    pub diff_id: Digest,
    /// Their number.
    pub uncompressed_size: u64,
    /// Of the bytes after compression.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
}

/// Why there is no compressed stream.
#[derive(Debug)]
pub enum Error<E> {
    /// The producer failed.
    Produce(E),
    /// The sink did not take the bytes.
    Sink(io::Error),
}

/// Compresses what `produce` writes, into `sink`.
///
/// # Errors
///
/// [`Error`] says which end failed. If the sink fails the producer is told so by a broken pipe, and its error is
/// dropped in favour of the sink's.
pub fn gzip<T, E>(
    sink: impl Write + Send,
    threads: NonZeroUsize,
    produce: impl FnOnce(&mut Blocks) -> Result<T, E>,
) -> Result<(T, Summary), Error<E>> {
    thread::scope(|scope| {
        // A worker has one block in hand and one waiting; that bounds memory whatever the size of the stream.
        let depth = 2 * threads.get();
        let (jobs, jobs_taken) = sync_channel::<Job>(depth);
        let (tickets, tickets_taken) = sync_channel::<Ticket>(depth);
        let jobs_taken = Arc::new(Mutex::new(jobs_taken));
        for _ in 0..threads.get() {
            let jobs = Arc::clone(&jobs_taken);
            scope.spawn(move || work(&jobs));
        }
        drop(jobs_taken);
        let collector = scope.spawn(move || collect(sink, &tickets_taken));

        let mut blocks = Blocks {
            block: Vec::with_capacity(BLOCK_LEN),
            jobs,
            tickets,
        };
        let produced = produce(&mut blocks);
        let sent = blocks.send();
        drop(blocks);
        let collected = collector
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the collector ended without a result")));
        match (produced, collected.and_then(|summary| sent.map(|()| summary))) {
            (Ok(value), Ok(summary)) => Ok((value, summary)),
            (_, Err(error)) => Err(Error::Sink(error)),
            (Err(error), Ok(_)) => Err(Error::Produce(error)),
        }
    })
}

/// Cuts what is written into blocks.
#[derive(Debug)]
pub struct Blocks {
    block: Vec<u8>,
    jobs: SyncSender<Job>,
    tickets: SyncSender<Ticket>,
}

/// A block on its way to a worker.
#[derive(Debug)]
struct Job {
    block: Arc<Vec<u8>>,
    deflated: SyncSender<Deflated>,
}

/// The same block on its way to the collector, which waits for what the worker makes of it.
#[derive(Debug)]
struct Ticket {
    block: Arc<Vec<u8>>,
    deflated: Receiver<Deflated>,
}

#[derive(Debug)]
struct Deflated {
    bytes: io::Result<Vec<u8>>,
    crc: u32,
}

impl Blocks {
    fn send(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = Arc::new(std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_LEN)));
        let (deflated, deflated_taken) = sync_channel(1);
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.tickets
            .send(Ticket {
                block: Arc::clone(&block),
                deflated: deflated_taken,
            })
            .map_err(gone)?;
        self.jobs
            .send(Job { block, deflated })
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (taken, _) = bytes.split_at(bytes.len().min(BLOCK_LEN - self.block.len()));
        self.block.extend_from_slice(taken);
        if self.block.len() == BLOCK_LEN {
            self.send()?;
        }
        Ok(taken.len())
    }

    /// Does nothing: where blocks end must not depend on who flushes when.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    let mut deflate = Deflate::new(LEVEL, false, WINDOW_BITS);
    let mut buffer = vec![0; zlib_rs::compress_bound(BLOCK_LEN) + 64];
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, deflated }) = job else { return };
        deflate.reset();
        let result = Deflated {
            bytes: deflate_block(&mut deflate, &block, &mut buffer),
            crc: crc32(0, &block),
        };
        // A collector that has given up has its reason.
        let _ = deflated.send(result);
    }
}

/// One block, ended by an empty stored block (a "full flush") so that the next may start at a byte and knows nothing of
/// it.
fn deflate_block(deflate: &mut Deflate, block: &[u8], buffer: &mut [u8]) -> io::Result<Vec<u8>> {
    let status = deflate
        .compress(block, buffer, DeflateFlush::FullFlush)
        .map_err(|error| io::Error::other(error.as_str()))?;
    let length = usize::try_from(deflate.total_out()).map_err(io::Error::other)?;
    let complete = status == Status::Ok && deflate.total_in() == block.len() as u64 && length < buffer.len();
    let deflated = buffer.get(..length).filter(|_| complete);
    deflated
        .map(<[u8]>::to_vec)
        .ok_or_else(|| io::Error::other("a block does not fit the buffer that it must fit"))
}

fn collect(sink: impl Write, tickets: &Receiver<Ticket>) -> io::Result<Summary> {
    let mut packed = Hashing::new(sink);
    let mut unpacked = Hashing::new(io::sink());
    let mut crc = 0;
    packed.write_all(&HEADER)?;
    for Ticket { block, deflated } in tickets {
        let deflated = deflated
            .recv()
            .map_err(|_| io::Error::other("a worker ended without a result"))?;
        packed.write_all(&deflated.bytes?)?;
        unpacked.write_all(&block)?;
        crc = crc32_combine(crc, deflated.crc, block.len() as u64);
    }
    let (diff_id, uncompressed_size, _) = unpacked.finish();
    // The last block of a deflate stream: fixed codes, and nothing but the mark of its end.
    packed.write_all(&[0x03, 0x00])?;
    packed.write_all(&crc.to_le_bytes())?;
    // RFC 1952 keeps the size modulo 2^32.
    packed.write_all(&(uncompressed_size as u32).to_le_bytes())?;
    packed.flush()?;
    let (digest, size, _) = packed.finish();
    Ok(Summary {
        diff_id,
        uncompressed_size,
        digest,
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text and noise by turns, three blocks and a bit; the same on every machine.
    fn sample() -> Vec<u8> {
        let mut state = 1_u64;
        let mut sample = Vec::new();
        while sample.len() < 3 * BLOCK_LEN + 12_345 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            sample.extend_from_slice(format!("line {} of {:x}\n", sample.len() / 7, state >> 50).as_bytes());
            sample.extend_from_slice(&state.to_le_bytes()[..(state >> 61) as usize]);
        }
        sample
    }

    fn pack(bytes: &[u8], threads: usize, write_len: usize) -> (Vec<u8>, Summary) {
        let mut packed = Vec::new();
        let threads = NonZeroUsize::new(threads).unwrap();
        let ((), summary) = gzip(&mut packed, threads, |blocks| {
            bytes.chunks(write_len).try_for_each(|part| blocks.write_all(part))
        })
        .unwrap();
        (packed, summary)
    }

    #[test]
    fn the_bytes_are_these() {
        let (packed, summary) = pack(&sample(), 2, 4096);
        assert_eq!(Digest::of(&packed), summary.digest);
        assert_eq!(Digest::of(&sample()), summary.diff_id);
        assert_eq!(
            (summary.uncompressed_size, summary.size),
            (sample().len() as u64, packed.len() as u64)
        );
        // If this changes, the digest of every image does: then a new zlib-rs has other bytes, or this processor has.
        assert_eq!(
            summary.digest.to_string(),
            "sha256:0487ef9f7dc0ef5bee46a5820425f32546f23f42b9f263c0bc960818c9118b43"
        );
    }

    #[test]
    fn neither_threads_nor_writes_change_the_bytes() {
        let sample = sample();
        let expected = pack(&sample, 1, sample.len());
        for (threads, write_len) in [(1, 1 << 18), (2, 999), (7, BLOCK_LEN + 1)] {
            assert_eq!(
                pack(&sample, threads, write_len),
                expected,
                "{threads} threads, writes of {write_len}"
            );
        }
    }

    #[test]
    fn what_was_packed_comes_out() {
        for length in [0, 1, BLOCK_LEN - 1, BLOCK_LEN, BLOCK_LEN + 1] {
            let bytes = &sample()[..length];
            let (packed, _) = pack(bytes, 2, 4096);
            let unpacked = crate::unpack::Compression::Gzip.unpack(&packed, 1 << 30).unwrap();
            assert_eq!(unpacked, bytes, "{length} bytes");
        }
    }

    #[test]
    fn a_sink_that_is_full_is_the_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let produce = |blocks: &mut Blocks| (0..100).try_for_each(|_| blocks.write_all(&[0; BLOCK_LEN]));
        let error = gzip(Full, NonZeroUsize::MIN, produce).unwrap_err();
        assert!(matches!(error, Error::Sink(error) if error.kind() == io::ErrorKind::StorageFull));
    }

    #[test]
    fn a_producer_that_fails_is_the_error() {
        let error = gzip(io::sink(), NonZeroUsize::MIN, |_| Err::<(), _>("no input")).unwrap_err();
        assert!(matches!(error, Error::Produce("no input")));
    }
}
