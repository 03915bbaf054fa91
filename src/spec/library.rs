//! Where names are looked up. This room reads no file: the caller hands in what stands in the project and what is
//! shipped.

use crate::client::ClientFolder;

/// Files that names stand for.
pub trait Library {
    /// The topology file of this name: path as a person would name it, and text.
    fn topology(&self, name: &str) -> Option<(String, String)>;

    /// The folder of this client.
    fn client(&self, name: &str) -> Option<ClientFolder>;

    /// All names of topologies or clients, for suggestions.
    fn names(&self, kind: FileKind) -> Vec<String>;
}

/// What a file describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// `scenarios/NAME.yaml`.
    Scenario,
    /// `topologies/NAME.yaml`.
    Topology,
    /// `clients/NAME/client.yaml`.
    Client,
}

impl FileKind {
    /// Its word on the command line and in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Topology => "topology",
            Self::Client => "client",
        }
    }
}

/// A library without files: whatever a scenario names is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyLibrary;

impl Library for EmptyLibrary {
    fn topology(&self, _: &str) -> Option<(String, String)> {
        None
    }
    fn client(&self, _: &str) -> Option<ClientFolder> {
        None
    }
    fn names(&self, _: FileKind) -> Vec<String> {
        Vec::new()
    }
}
