//! How the end of a process is told to people, the same on every backend.

/// What is said of a process that a signal ended. With SIGKILL the kernel also ends a process that wants more memory than
/// its limit (cgroups(7), "memory.max").
pub(crate) fn ended_by_signal(signal: i32, memory: Option<u64>) -> String {
    const SIGKILL: i32 = 9;
    let limit = memory.filter(|_| signal == SIGKILL).map_or_else(String::new, |limit| {
        format!(" (it may use {} MiB of memory, and that is how the kernel ends one that wants more)", limit >> 20)
    });
    format!("was ended by signal {signal}{limit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_at_a_memory_limit_names_the_limit() {
        assert_eq!(ended_by_signal(11, Some(20 << 20)), "was ended by signal 11");
        assert_eq!(ended_by_signal(9, None), "was ended by signal 9");
        assert!(ended_by_signal(9, Some(20 << 20)).contains("20 MiB of memory"));
    }
}
