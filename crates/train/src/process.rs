//! Process settings for training only.

/// Keeps freed memory in the process and leaves parallelism to the trainer's own threads.
///
/// Each step allocates and frees the same few hundred megabytes. By default the C library returns them to the system each
/// time, and the page faults take a third of a step. Candle would also spread small element-wise operations over all cores,
/// which the trainer's threads already use.
pub(crate) fn prepare() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` only changes parameters of the allocator; it may be called at any time.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 256 << 20);
    }
    // SAFETY: this is the start of training, before any thread reads the environment.
    unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
    // Only fails if the pool already exists; training is then slower, but correct.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
}
