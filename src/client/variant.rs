//! A manifest with one of its variants laid over it.

use super::manifest::{Manifest, VariantDocument};
use crate::text::{Diagnostic, Sp, Span, suggest};

/// The manifest of a variant: keys that the variant gives replace the manifest's; `env`, `files`, `ports`, `calls`, `by_role` and
/// `by_chain` are merged key by key. `asked` is where the client was named.
pub(super) fn with_variant(manifest: &Manifest, variant: Option<&str>, asked: Span) -> Result<Manifest, Diagnostic> {
    let Some(name) = variant else { return Ok(manifest.clone()) };
    let Some(over) = manifest.variants.get(name) else {
        let known = manifest.variants.keys().map(String::as_str);
        let mut mistake = Diagnostic::error(format!("client `{}` has no variant `{name}`", manifest.name.value))
            .at(asked, "unknown variant");
        mistake.help = if manifest.variants.is_empty() {
            vec![format!("its manifest has no variants: write `{}`", manifest.name.value)]
        } else {
            suggest::help(name, known, "variants")
        };
        return Err(mistake);
    };
    Ok(merge(manifest.clone(), over))
}

fn merge(mut manifest: Manifest, over: &Sp<VariantDocument>) -> Manifest {
    fn replace<T: Clone>(under: &mut Option<T>, over: Option<&T>) {
        if let Some(value) = over {
            *under = Some(value.clone());
        }
    }
    let VariantDocument {
        description,
        image,
        native,
        init,
        command,
        optional,
        env,
        files,
        ports,
        identity,
        bootnodes,
        peers,
        ready,
        adapter,
        panic,
        refusals,
        rpc,
        calls,
        compatible,
        known_differences,
        tried,
        by_role,
        by_chain,
    } = &over.value;
    replace(&mut manifest.description, description.as_ref());
    replace(&mut manifest.image, image.as_ref());
    replace(&mut manifest.native, native.as_ref());
    replace(&mut manifest.command, command.as_ref());
    replace(&mut manifest.identity, identity.as_ref());
    replace(&mut manifest.bootnodes, bootnodes.as_ref());
    replace(&mut manifest.peers, peers.as_ref());
    replace(&mut manifest.ready, ready.as_ref());
    replace(&mut manifest.adapter, adapter.as_ref());
    replace(&mut manifest.rpc, rpc.as_ref());
    replace(&mut manifest.compatible, compatible.as_ref());
    replace(&mut manifest.tried, tried.as_ref());
    if let Some(init) = init {
        manifest.init.clone_from(init);
    }
    if let Some(optional) = optional {
        manifest.optional.clone_from(optional);
    }
    if let Some(panic) = panic {
        manifest.panic.clone_from(panic);
    }
    if let Some(refusals) = refusals {
        manifest.refusals.clone_from(refusals);
    }
    if let Some(known_differences) = known_differences {
        manifest.known_differences.clone_from(known_differences);
    }
    manifest.calls.extend(calls.clone());
    manifest.env.extend(env.clone());
    manifest.files.extend(files.clone());
    manifest.ports.extend(ports.clone());
    manifest.by_role.extend(by_role.clone());
    manifest.by_chain.extend(by_chain.clone());
    manifest
}
