//! Roles and what they include.

/// What a user may do in a workspace, or in an organization and all of its workspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Sees an organization and who is in it, but none of its workspaces. For organizations only.
    Member,
    /// Sees everything.
    Reader,
    /// Also starts and cancels jobs.
    Runner,
    /// Also changes sources and connections. For workspaces only.
    SourceEditor,
    /// Also changes destinations and connections. For workspaces only.
    DestinationEditor,
    /// Also changes sources, destinations and connections.
    Editor,
    /// Also says who may do what.
    Admin,
}

impl Role {
    /// The role that a permission gives, by the server's name of the permission without `workspace_` or
    /// `organization_`.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "member" => Self::Member,
            "reader" => Self::Reader,
            "runner" => Self::Runner,
            "source_editor" => Self::SourceEditor,
            "destination_editor" => Self::DestinationEditor,
            "editor" => Self::Editor,
            // The old name of a workspace's administrator.
            "admin" | "owner" => Self::Admin,
            _ => return None,
        })
    }

    /// The same the other way round.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Reader => "reader",
            Self::Runner => "runner",
            Self::SourceEditor => "source_editor",
            Self::DestinationEditor => "destination_editor",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// Whether whoever has this role may do what the other one is needed for.
    pub(crate) fn includes(self, needed: Self) -> bool {
        self == needed || self.rank() > needed.rank()
    }

    /// Whether it is one that editors share, for one side of connections.
    pub(crate) fn is_of_one_side(self) -> bool {
        matches!(self, Self::SourceEditor | Self::DestinationEditor)
    }

    /// Neither editor of one side includes the other.
    fn rank(self) -> u8 {
        match self {
            Self::Member => 0,
            Self::Reader => 1,
            Self::Runner => 2,
            Self::SourceEditor | Self::DestinationEditor => 3,
            Self::Editor => 4,
            Self::Admin => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Role::{self, Admin, DestinationEditor, Editor, Member, Reader, Runner, SourceEditor};

    const ALL: [Role; 7] = [Member, Reader, Runner, SourceEditor, DestinationEditor, Editor, Admin];

    #[test]
    fn a_role_includes_what_is_below_it_and_no_editor_the_other_side() {
        for (at, role) in ALL.into_iter().enumerate() {
            for (below, needed) in ALL.into_iter().enumerate() {
                let other_side = (role, needed) == (DestinationEditor, SourceEditor);
                assert_eq!(role.includes(needed), at >= below && !other_side, "{role:?} for {needed:?}");
            }
            assert_eq!(Role::of_word(role.word()), Some(role));
        }
        assert_eq!((Role::of_word("owner"), Role::of_word("instance")), (Some(Admin), None));
    }
}
