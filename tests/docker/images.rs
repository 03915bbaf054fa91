//! Images: built, found again, shared, and failing with what the build said.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use splitbrain::action::{BuildContext, ClientRef, ImageSource};
use splitbrain::backend::{Progress, docker};

use crate::needs;
use crate::scene::{BUSYBOX, Scene, busybox_image, exited, node, told};

fn quiet() -> Progress {
    Progress(Arc::new(|_| ()))
}

fn dockerfile(text: &str) -> ImageSource {
    let ImageSource::Build(context) = busybox_image() else { unreachable!("it is built") };
    let files = BTreeMap::from([("Dockerfile".to_owned(), text.as_bytes().to_vec())]);
    ImageSource::Build(BuildContext { files, ..context })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_built_once_whoever_asks() {
    needs!();
    let client = |name: &str| ClientRef::from(name.to_owned());
    let source = dockerfile(&format!(
        "FROM scratch\nCOPY busybox /bin/busybox\nLABEL made.by={} splitbrain.image=again\n",
        crate::scene::fresh_run()
    ));
    let requests =
        [(client("one"), source.clone()), (client("two"), source.clone()), (client("three"), busybox_image())];
    let quiet = quiet();
    let (left, right) = tokio::join!(docker::build_images(&requests, &quiet), docker::build_images(&requests, &quiet));
    let names = |results: Vec<Result<docker::ReadyImage, _>>| -> Vec<docker::ReadyImage> {
        results.into_iter().map(|result| result.unwrap_or_else(|error| panic!("{}", told(&error)))).collect()
    };
    let (left, right) = (names(left.unwrap()), names(right.unwrap()));
    assert_eq!(left[0].image, left[1].image);
    assert_ne!(left[0].image, left[2].image);
    assert!(left[0].image.starts_with("splitbrain/one:"), "{}", left[0].image);
    let made = left.iter().chain(&right).filter(|image| image.image == left[0].image && image.made).count();
    assert_eq!(made, 1, "{left:?} {right:?}");
    let later = names(docker::build_images(&requests, &quiet).await.unwrap());
    assert!(later.iter().all(|image| !image.made), "{later:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_built_as_the_docker_command_builds_it() {
    needs!();
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    for path in ["parts/kept", "parts/empty", "secret"] {
        std::fs::create_dir_all(at(path)).unwrap();
    }
    std::fs::copy(BUSYBOX, at("busybox")).unwrap();
    std::fs::write(at("parts/tool"), "no line with an interpreter").unwrap();
    std::fs::set_permissions(at("parts/tool"), std::fs::Permissions::from_mode(0o750)).unwrap();
    std::fs::write(at("parts/large"), vec![7; 5 << 20]).unwrap();
    std::os::unix::fs::symlink("tool", at("parts/link")).unwrap();
    std::fs::write(at("secret/key"), "of no image's business").unwrap();
    std::fs::write(at("parts/kept/note.md"), "left out").unwrap();
    std::fs::write(at(".dockerignore"), "secret\n**/*.md\n").unwrap();
    let checks = "test -x /all/parts/tool && test -L /all/parts/link && test -d /all/parts/empty \
                  && test $(wc -c </all/parts/large) = 5242880 && test ! -e /all/secret && test ! -e /all/parts/kept/note.md";
    let dockerfile = format!(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY . /all/\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"{checks}\"]\nLABEL made.by={}\n",
        crate::scene::fresh_run()
    );
    std::fs::write(at("Dockerfile"), dockerfile).unwrap();
    let ImageSource::Build(context) = busybox_image() else { unreachable!("it is built") };
    let source = || ImageSource::Build(BuildContext { folder: Some(folder.path().to_owned()), ..context.clone() });
    let build = async || {
        let client = ClientRef::from("folder".to_owned());
        let mut results = docker::build_images(&[(client, source())], &quiet()).await.unwrap();
        results.remove(0).unwrap_or_else(|error| panic!("{}", told(&error)))
    };
    let first = build().await;
    assert!(first.made);
    // What is ignored changes nothing, what is sent does.
    std::fs::write(at("secret/key"), "another").unwrap();
    assert_eq!(build().await.image, first.image);
    std::fs::set_permissions(at("parts/tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(build().await.image, first.image);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_shows_its_output() {
    needs!();
    let text = "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo the compiler is missing; exit 9\"]\n";
    let client = ClientRef::from("broken".to_owned());
    let results = docker::build_images(&[(client, dockerfile(text))], &quiet()).await.unwrap();
    let error = told(results[0].as_ref().unwrap_err());
    assert!(error.starts_with("cannot build the image of client broken from its Dockerfile"), "{error}");
    assert!(error.contains("the compiler is missing") && error.contains("non-zero code: 9"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_nobody_has_is_named() {
    needs!();
    let source = ImageSource::Name("127.0.0.1:9/no/such-client:v1".to_owned());
    let results = docker::build_images(&[(ClientRef::from("ghost".to_owned()), source)], &quiet()).await.unwrap();
    let error = told(results[0].as_ref().unwrap_err());
    assert!(error.contains("127.0.0.1:9/no/such-client:v1 for client ghost"), "{error}");
    assert!(error.contains("remedy: load the image"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_binary_becomes_an_image() {
    needs!();
    let mut own = node("own", "");
    own.image = Some(ImageSource::Builtin);
    // The test program itself runs inside, since it is what runs here: it lists its tests and ends.
    own.command = vec!["splitbrain".to_owned(), "--list".to_owned()];
    let mut scene = Scene::set(vec![own], false).await;
    scene.start("own").await;
    scene.hears(exited("own", Some(0), None)).await;
    scene.says("own", "the_running_binary_becomes_an_image: test").await;
    scene.clear().await;
}
