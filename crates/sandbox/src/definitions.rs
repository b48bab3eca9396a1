//! Every connector that a workspace may use: those of the registry, added images, published manifests.

use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::connectors::{self, Connector};
use crate::model::{BuilderProject, CustomDefinition, Side};
use crate::specification;

/// The image that runs every source which a manifest describes.
pub(crate) const DECLARATIVE_IMAGE: &str = "airbyte/source-declarative-manifest";

/// A connector as the API describes it.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub id: Uuid,
    pub name: String,
    pub docker_repository: String,
    pub docker_image_tag: String,
    /// Empty where there is none.
    pub documentation_url: String,
    /// Whether a user made it; only these can be changed.
    pub is_custom: bool,
}

impl Definition {
    fn of_registry(connector: &Connector) -> Self {
        let (side, slug) = (connector.side.word(), connector.slug);
        Self {
            id: connector.definition_id,
            name: title(slug),
            docker_repository: format!("airbyte/{side}-{slug}"),
            docker_image_tag: env!("CARGO_PKG_VERSION").to_owned(),
            documentation_url: format!("https://docs.airbyte.com/integrations/{side}s/{slug}"),
            is_custom: false,
        }
    }

    /// Whether a manifest describes it.
    pub(crate) fn is_declarative(&self) -> bool {
        self.docker_repository == DECLARATIVE_IMAGE
    }
}

impl From<CustomDefinition> for Definition {
    fn from(custom: CustomDefinition) -> Self {
        Self {
            id: custom.id,
            name: custom.name,
            docker_repository: custom.docker_repository,
            docker_image_tag: custom.docker_image_tag,
            documentation_url: custom.documentation_url,
            is_custom: true,
        }
    }
}

impl App {
    /// The connectors of one side that a workspace may use: the registry's first, then its own.
    pub(crate) fn definitions(&self, side: Side, workspace: Uuid) -> rusqlite::Result<Vec<Definition>> {
        let mut definitions: Vec<Definition> =
            connectors::of_side(side).map(Definition::of_registry).collect();
        let added = self.store.list::<CustomDefinition>()?.into_iter();
        definitions.extend(
            added.filter(|one| one.side == side && one.workspace_id == workspace).map(Definition::from),
        );
        if side == Side::Source {
            let projects = self.store.list::<BuilderProject>()?.into_iter();
            definitions.extend(
                projects.filter(|project| project.workspace_id == workspace).filter_map(published_as),
            );
        }
        Ok(definitions)
    }

    /// One of them.
    pub(crate) fn definition(
        &self,
        side: Side,
        workspace: Uuid,
        id: Uuid,
    ) -> rusqlite::Result<Option<Definition>> {
        if let Some(connector) = connectors::by_definition(side, id) {
            return Ok(Some(Definition::of_registry(connector)));
        }
        Ok(self.definitions(side, workspace)?.into_iter().find(|definition| definition.id == id))
    }

    /// The schema of the configuration of a connector; an added image has one that nothing is known of.
    pub(crate) fn specification(
        &self,
        side: Side,
        workspace: Uuid,
        definition: Uuid,
    ) -> rusqlite::Result<Option<Value>> {
        if let Some(connector) = connectors::by_definition(side, definition) {
            return Ok(Some(specification::of(connector)));
        }
        if let Some(project) = self.project_of(workspace, definition)? {
            let manifest = project.active().map(|active| &active.manifest);
            let schema = manifest.and_then(|manifest| manifest.pointer("/spec/connection_specification"));
            return Ok(Some(schema.cloned().unwrap_or_else(specification::unknown)));
        }
        Ok(self.definition(side, workspace, definition)?.map(|_| specification::unknown()))
    }

    /// The builder project behind a definition that a manifest describes.
    pub(crate) fn project_of(
        &self,
        workspace: Uuid,
        definition: Uuid,
    ) -> rusqlite::Result<Option<BuilderProject>> {
        let mut projects = self.store.list::<BuilderProject>()?.into_iter();
        Ok(projects.find(|one| one.workspace_id == workspace && one.definition_id == Some(definition)))
    }
}

fn published_as(project: BuilderProject) -> Option<Definition> {
    Some(Definition {
        id: project.definition_id?,
        name: project.definition_name.unwrap_or(project.name),
        docker_repository: DECLARATIVE_IMAGE.to_owned(),
        docker_image_tag: env!("CARGO_PKG_VERSION").to_owned(),
        documentation_url: String::new(),
        is_custom: true,
    })
}

/// `google-ads` as a name for people.
fn title(slug: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    slug.split('-').map(word).collect::<Vec<_>>().join(" ")
}
