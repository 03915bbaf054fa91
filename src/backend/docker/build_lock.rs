//! One builder at a time among all processes of this machine that want the same image.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::super::BackendError;

/// How long another process may take for its build before we build as well. Two builds of the same content end in the
/// same image, so the lock only saves work: nothing goes wrong without it.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 60);

/// How often the lock is tried. The kernel lets go of it when its holder dies.
const POLL: Duration = Duration::from_millis(200);

/// Held while an image is built; let go when dropped.
#[derive(Debug)]
pub(super) struct BuildLock {
    _file: Option<File>,
}

impl BuildLock {
    /// Takes the lock of an image; `waits` is called once if somebody else has it.
    pub(super) async fn acquire(image: &str, waits: impl FnOnce()) -> Result<Self, BackendError> {
        let path = lock_path(image);
        let open = File::options().create(true).append(true).open(&path);
        // A folder for temporary files that cannot be written must not stop a build.
        let Ok(file) = open else { return Ok(Self { _file: None }) };
        let start = Instant::now();
        let mut waits = Some(waits);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::WouldBlock) if start.elapsed() < LONGEST_WAIT => {
                    if let Some(waits) = waits.take() {
                        waits();
                    }
                    tokio::time::sleep(POLL).await;
                }
                Err(TryLockError::WouldBlock) => return Ok(Self { _file: None }),
                Err(TryLockError::Error(error)) => {
                    return Err(BackendError::new(format!("cannot lock {}", path.display()), error));
                }
            }
        }
    }
}

/// One file a user and image: another user's file could not be opened.
fn lock_path(image: &str) -> PathBuf {
    let name: String = image.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    std::env::temp_dir().join(format!("splitbrain-build-{}-{name}.lock", nix::unistd::geteuid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_builder_waits_for_the_first() {
        let image = format!("splitbrain/test:{}", std::process::id());
        let first = BuildLock::acquire(&image, || panic!("nobody has it yet")).await.unwrap();
        let (told, waits) = tokio::sync::oneshot::channel();
        let wanted = image.clone();
        let second = tokio::spawn(async move { BuildLock::acquire(&wanted, || told.send(()).unwrap()).await });
        waits.await.unwrap();
        assert!(!second.is_finished());
        drop(first);
        tokio::time::timeout(Duration::from_secs(10), second).await.unwrap().unwrap().unwrap();
        std::fs::remove_file(lock_path(&image)).unwrap();
    }
}
