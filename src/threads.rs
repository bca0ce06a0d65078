//! Pools of threads of the size that is wanted, or as large as the system allows. The calling thread does
//! the work if no other can be started: results are the same bytes for any number of threads.

use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// Starts threads that wait to join a pool: `wanted`, or as many as can be started. (rayon itself gives up
/// the whole pool if one thread cannot be started, and its own pool, used by default, panics then.)
fn start(wanted: usize) -> Vec<SyncSender<ThreadBuilder>> {
    let mut waiting = Vec::new();
    for _ in 0..wanted {
        let (join, joined) = sync_channel::<ThreadBuilder>(1);
        let body = move || {
            if let Ok(worker) = joined.recv() {
                worker.run();
            }
        };
        if thread::Builder::new().spawn(body).is_err() {
            break;
        }
        waiting.push(join);
    }
    waiting
}

/// Lets the next waiting thread be `worker` of a pool.
fn join(waiting: &mut Vec<SyncSender<ThreadBuilder>>, worker: ThreadBuilder) -> io::Result<()> {
    let next = waiting.pop().ok_or(io::ErrorKind::WouldBlock)?;
    next.send(worker)
        .map_err(|_| io::Error::other("a thread has ended"))
}

/// Returns a pool of `wanted` threads, or of as many as can be started; `None` if none can.
pub fn pool(wanted: usize) -> Option<ThreadPool> {
    let mut waiting = start(wanted);
    if waiting.is_empty() {
        return None;
    }
    ThreadPoolBuilder::new()
        .num_threads(waiting.len())
        .spawn_handler(|worker| join(&mut waiting, worker))
        .build()
        .ok()
}

/// Makes the pool of the whole program, of `wanted` threads, or of as many as can be started; of the calling
/// thread, which must be the main thread, if none can. Returns the number of threads. If the pool exists
/// already, it stays as it is.
pub fn make_global_pool(wanted: usize) -> usize {
    let mut waiting = start(wanted);
    let builder = ThreadPoolBuilder::new();
    // It fails if the pool exists.
    let _ = if waiting.is_empty() {
        builder.num_threads(1).use_current_thread().build_global()
    } else {
        builder
            .num_threads(waiting.len())
            .spawn_handler(|worker| join(&mut waiting, worker))
            .build_global()
    };
    rayon::current_num_threads()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_the_threads_that_are_wanted() {
        for wanted in [1, 3] {
            let pool = pool(wanted).expect("a few threads can be started");
            assert_eq!(pool.current_num_threads(), wanted);
            assert_eq!(pool.broadcast(|worker| worker.index()).len(), wanted);
        }
        assert!(pool(0).is_none());
    }
}
