//! Names of things in a run. Newtypes, so that a node's name cannot stand where a network's is wanted.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as it is; whoever reads names from people checks their form first.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

name_type!(
    /// A node of the network, for example `west-0`.
    NodeName
);
name_type!(
    /// A network that nodes are attached to, for example `main`.
    NetworkName
);
name_type!(
    /// An entry of the timeline, for example `split`; repetitions are `split#1`, `split#2`, ….
    EntryName
);
name_type!(
    /// One run on this machine, for example `k3f9a1c2`: lower-case letters and digits, so that it fits in every
    /// container name, interface name and label.
    RunId
);

/// A client and, where its folder holds several, the variant: `go-ethereum@v1.11.6`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", from = "String")]
#[schemars(with = "String")]
pub struct ClientRef {
    /// Folder name of the client.
    pub name: String,
    /// Variant named after `@`, if any.
    pub variant: Option<String>,
}

impl From<String> for ClientRef {
    fn from(text: String) -> Self {
        match text.split_once('@') {
            Some((name, variant)) => Self { name: name.to_owned(), variant: Some(variant.to_owned()) },
            None => Self { name: text, variant: None },
        }
    }
}

impl From<ClientRef> for String {
    fn from(client: ClientRef) -> Self {
        client.to_string()
    }
}

impl fmt::Display for ClientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            Some(variant) => f.pad(&format!("{}@{variant}", self.name)),
            None => f.pad(&self.name),
        }
    }
}
