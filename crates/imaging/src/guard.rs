//! Runs a decoder so that its panic is an error, and a silent one.
//!
//! Image decoders may panic on malicious input. The panic message would tear through a drawn screen, so while guarded
//! work runs, a panic hook that skips the threads doing it stands in front of the program's own hook, and goes when the
//! last of them is done. Never leave it in place, and never put code of ours under the guard: its bugs must be heard.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync + 'static>;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// How many guarded pieces of work run, and the hook that stood there before the first.
struct Installed {
    count: usize,
    before: Option<Arc<Hook>>,
}

static INSTALLED: Mutex<Installed> = Mutex::new(Installed {
    count: 0,
    before: None,
});

/// Runs `work`; `None` if it panicked. The panic message is not shown.
pub fn without_panic<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = SilentHook::install();
    let outer = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    drop(hook);
    outcome.ok()
}

/// While it lives, guarded threads panic in silence.
struct SilentHook;

impl SilentHook {
    fn install() -> Self {
        let mut installed = lock();
        if installed.count == 0 {
            let before = Arc::new(panic::take_hook());
            let delegate = Arc::clone(&before);
            panic::set_hook(Box::new(move |info| {
                if !GUARDED.get() {
                    delegate(info);
                }
            }));
            installed.before = Some(before);
        }
        installed.count += 1;
        Self
    }
}

impl Drop for SilentHook {
    fn drop(&mut self) {
        let mut installed = lock();
        installed.count -= 1;
        if installed.count > 0 {
            return;
        }
        if let Some(before) = installed.before.take() {
            // Ours goes first, so that the old hook is held once and can be put back as it was.
            drop(panic::take_hook());
            match Arc::try_unwrap(before) {
                Ok(hook) => panic::set_hook(hook),
                Err(shared) => panic::set_hook(Box::new(move |info| shared(info))),
            }
        }
    }
}

fn lock() -> MutexGuard<'static, Installed> {
    INSTALLED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_none_and_work_that_ends_well_gives_its_value() {
        assert_eq!(without_panic(|| 7), Some(7));
        assert_eq!(
            without_panic(|| -> u8 { panic!("must not be shown") }),
            None
        );
        assert_eq!(
            without_panic(|| without_panic(|| -> u8 { panic!("inner") }).is_none()),
            Some(true)
        );
    }

    #[test]
    fn many_threads_may_panic_at_once() {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(|| (0..50).all(|_| without_panic(|| panic!("quiet")).is_none()))
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    }
}
