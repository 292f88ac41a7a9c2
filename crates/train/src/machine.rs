//! Process settings that training needs and answering does not.

/// Keeps freed memory in the process and leaves parallel work to the trainer's own threads.
///
/// A step allocates and frees the same few hundred megabytes again and again. The C library's defaults return them to the
/// system each time, which costs a third of a step in page faults. And candle would spread small element-wise operations
/// over all cores while the trainer's threads already fill them.
pub fn prepare() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` only changes parameters of the allocator; it may be called at any time.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 256 << 20);
    }
    // SAFETY: training begins here, before any thread that reads the environment.
    unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
    // Fails only where the pool exists already; training is then slower, not wrong.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
}
