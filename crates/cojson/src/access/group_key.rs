//! The key space of a group's map: what a change is about, told from its key alone.

/// What a key of a group's map stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupKey<'a> {
    /// `readKey`, `groupSealer`, `profile`, `root`: set by those who administer the group.
    Setting,
    /// `key_…_for_…` or `key_…_sealedFor_…`: a key secret, wrapped for someone. Holds the wrapped key's id.
    Revelation(&'a str),
    /// `parent_…`: a group whose members are members here too.
    Parent(&'a str),
    /// `child_…`: no longer in use.
    Child,
    /// `writeKeyFor_…`: the key that this write-only member encrypts with.
    WriteKeyFor(&'a str),
    /// A member (account, agent or `everyone`), whose role it sets.
    Member(&'a str),
}

impl<'a> GroupKey<'a> {
    pub(super) fn of(key: &'a str) -> Self {
        if matches!(key, "readKey" | "groupSealer" | "profile" | "root") {
            Self::Setting
        } else if is_revelation(key) {
            Self::Revelation(revealed_key(key))
        } else if let Some(parent) = key.strip_prefix("parent_") {
            Self::Parent(parent)
        } else if key.starts_with("child_") {
            Self::Child
        } else if let Some(member) = key.strip_prefix("writeKeyFor_") {
            Self::WriteKeyFor(member)
        } else {
            Self::Member(key)
        }
    }
}

/// As the reference groups it: what holds `_for_everyone` is a revelation whatever it starts with.
fn is_revelation(key: &str) -> bool {
    const WRAPPED_FOR: [&str; 4] = ["_for_key", "_for_sealer", "_for_co", "_sealedFor_sealer"];
    key.contains("_for_everyone")
        || (key.starts_with("key_") && WRAPPED_FOR.iter().any(|part| key.contains(part)))
}

fn revealed_key(key: &str) -> &str {
    key.split_once("_for_")
        .or_else(|| key.split_once("_sealedFor_"))
        .map_or("", |(revealed, _)| revealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_what_it_is_about() {
        for (key, expected) in [
            ("readKey", GroupKey::Setting),
            ("key_z1_for_co_zA", GroupKey::Revelation("key_z1")),
            ("key_z1_for_key_z2", GroupKey::Revelation("key_z1")),
            ("key_z1_sealedFor_sealer_zS", GroupKey::Revelation("key_z1")),
            ("key_z1_for_everyone", GroupKey::Revelation("key_z1")),
            ("x_for_everyone", GroupKey::Revelation("x")),
            ("parent_co_zP", GroupKey::Parent("co_zP")),
            ("child_co_zP", GroupKey::Child),
            ("writeKeyFor_co_zA", GroupKey::WriteKeyFor("co_zA")),
            ("co_zA", GroupKey::Member("co_zA")),
            ("everyone", GroupKey::Member("everyone")),
        ] {
            assert_eq!(GroupKey::of(key), expected, "{key}");
        }
    }
}
