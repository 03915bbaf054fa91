use std::path::Path;

use super::*;
use crate::action::Seeds;
use crate::plan::sample::Parts;
use crate::text::{Sources, Span, yaml};
use crate::topology::{TopologyDocument, Wishes, resolve};

fn picture_of_file(path: &Path) -> Picture {
    let text = std::fs::read_to_string(path).unwrap();
    let mut sources = Sources::new();
    let document: TopologyDocument = yaml::read(&mut sources, &path.to_string_lossy(), &text)
        .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)));
    let seeds = Seeds::root(42);
    let wishes = Wishes { name: "t", place: Span::default(), clients: &[], seeds: &seeds };
    let resolved = resolve(&document, &wishes);
    let topology = resolved.topology.unwrap_or_else(|| panic!("{}", sources.render_all(&resolved.mistakes, false)));
    let index = |name: &crate::action::NodeName| topology.nodes.iter().position(|node| node.name == *name).unwrap();
    Picture {
        title: topology.name.clone(),
        subtitle: topology.description.clone(),
        edges: topology.edges.iter().map(|(from, to)| (index(from), index(to))).collect(),
        nodes: topology
            .nodes
            .iter()
            .map(|node| PictureNode {
                name: node.name.to_string(),
                group: node.group.clone(),
                client: node.client.to_string(),
                producer: node.role == "validator",
                bootnode: topology.bootnodes.contains(&node.name),
                hint: node.role.clone(),
            })
            .collect(),
    }
}

#[test]
fn shipped_topologies_can_be_drawn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 6);
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# For "), "{}: the first comment says what it is for", path.display());
        let picture = picture_of_file(&path);
        let drawing = draw(&picture);
        assert_eq!(drawing, draw(&picture));
        assert_eq!(drawing.positions.len(), picture.nodes.len());
        for (x, y) in drawing.positions.values() {
            assert!(*x > 0.0 && *x < drawing.width && *y > 0.0 && *y < drawing.height);
        }
        if let Ok(dir) = std::env::var("PICTURES") {
            std::fs::write(Path::new(&dir).join(path.file_stem().unwrap()).with_extension("svg"), &drawing.svg)
                .unwrap();
        }
    }
}
