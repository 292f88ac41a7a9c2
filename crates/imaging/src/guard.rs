//! Turns a panic in third-party code into an error, silently.
//!
//! Image decoders may panic on malicious input, and the panic message would corrupt the terminal screen. While guarded work
//! runs, a panic hook that ignores the guarded threads wraps the program's own hook; it is removed when the last of them is
//! done. Never leave it in place, and never guard code of our own: its bugs must be reported.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync + 'static>;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// The number of guarded calls in progress, and the hook that was installed before the first.
struct Installed {
    count: usize,
    before: Option<Arc<Hook>>,
}

static INSTALLED: Mutex<Installed> = Mutex::new(Installed {
    count: 0,
    before: None,
});

/// Runs `work`; `None` if it panicked. No panic message is printed.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = SilentHook::install();
    let outer = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    drop(hook);
    outcome.ok()
}

/// While it exists, guarded threads panic silently.
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
            // Dropping our hook first leaves a single reference to the old one, so that it can be restored as it was.
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
    fn a_panic_gives_none_and_success_gives_the_value() {
        assert_eq!(catch_panic(|| 7), Some(7));
        assert_eq!(catch_panic(|| -> u8 { panic!("must not be shown") }), None);
        assert_eq!(
            catch_panic(|| catch_panic(|| -> u8 { panic!("inner") }).is_none()),
            Some(true)
        );
    }

    #[test]
    fn many_threads_can_panic_at_once() {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(|| (0..50).all(|_| catch_panic(|| panic!("quiet")).is_none()))
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    }
}
