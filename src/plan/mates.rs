//! What a member of a participant says of its mates: `{mate.execution.url.engine}`.

use super::wiring::{Known, Wires};
use crate::client::MatePart;
use crate::text::{Diagnostic, Span, suggest};

/// Why there is no value.
#[derive(Debug)]
pub(super) enum Gap {
    /// The participant has no such member, or the node is in none.
    NoMate(Diagnostic),
    /// The mate's client declares no such port.
    NoPort(Diagnostic),
}

/// The value of `{mate.MEMBER.PART}` for a node; `place` is where its client's manifest asks.
pub(super) fn value(
    wires: &Wires<'_>,
    of: &Known<'_>,
    member: &str,
    part: &MatePart,
    place: Span,
) -> Result<String, Gap> {
    let Some((mate, address)) = wires.mate(of, member) else {
        return Err(Gap::NoMate(no_mate(wires, of, member, place)));
    };
    let port = |name: &String| {
        let ports = &mate.client.ports;
        ports.get(name).ok_or_else(|| {
            let mut mistake = Diagnostic::error(format!(
                "client `{}` asks for the port `{name}` of its mate `{member}`, and client `{}` has none",
                of.client.reference, mate.client.reference
            ))
            .at(place, "asked for here")
            .at(mate.node.place, format!("{} runs it", mate.node.name));
            mistake.help = suggest::help(name, ports.keys().map(String::as_str), "ports");
            Gap::NoPort(mistake.help(format!("declare it in {}: `ports: {{{name}: …}}`", mate.client.manifest)))
        })
    };
    Ok(match part {
        MatePart::Name => mate.node.name.to_string(),
        MatePart::Address => address.to_string(),
        MatePart::Port(name) => port(name)?.to_string(),
        MatePart::Url(name) => format!("http://{address}:{}", port(name)?),
        MatePart::Host(name) => format!("{address}:{}", port(name)?),
    })
}

fn no_mate(wires: &Wires<'_>, of: &Known<'_>, member: &str, place: Span) -> Diagnostic {
    let client = &of.client.reference;
    let members = wires.members_beside(of);
    let mistake = if members.is_empty() {
        Diagnostic::error(format!("client `{client}` works with a mate `{member}`, and {} stands alone", of.node.name))
            .help(format!("make it a participant: `stack: {{{member}: …, NAME: {client}}}`"))
    } else {
        Diagnostic::error(format!(
            "client `{client}` works with a mate `{member}`, and {} has only {}",
            of.participant(),
            suggest::list(&members)
        ))
        .help(format!("add `{member}: CLIENT` to the `stack`"))
    };
    mistake.at(of.node.place, format!("{} runs it", of.node.name)).at(place, "asks for it")
}
