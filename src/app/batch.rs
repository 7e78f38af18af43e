//! Several declared apps at once.

use serde_json::{Map, Value};

use super::{
    Declaration, DeclarationErrors, Options, Warning, app_name, declaration::Overrides, normalise,
};

/// Declared apps that are all in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Each app's name and declaration.
    pub apps: Vec<(String, Declaration)>,
    /// What their author should be told.
    pub warnings: Vec<Warning>,
}

/// Checks declared apps with `overrides` laid over them, and keeps those that `only` (names with `,` between them)
/// names. One that is wrong fails them all, as in pm2: nothing is started then.
pub fn declare(
    apps: &[Map<String, Value>],
    overrides: &Overrides,
    only: Option<&str>,
    options: &Options,
) -> Result<Batch, DeclarationErrors> {
    let mut batch = Batch::default();
    let wanted: Option<Vec<&str>> = only.map(|only| only.split(',').map(str::trim).collect());
    for app in apps {
        let mut raw = app.clone();
        overrides.apply(&mut raw);
        let normalised = normalise(&raw)?;
        let name = app_name(&normalised.declaration, options);
        if wanted
            .as_ref()
            .is_none_or(|wanted| wanted.contains(&name.as_str()))
        {
            batch.warnings.extend(normalised.warnings);
            batch.apps.push((name, normalised.declaration));
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(apps: &Value, only: Option<&str>) -> Result<Vec<String>, String> {
        let apps: Vec<Map<String, Value>> = serde_json::from_value(apps.clone()).unwrap();
        let batch = declare(&apps, &Overrides::default(), only, &Options::default());
        batch
            .map(|batch| batch.apps.into_iter().map(|(name, _)| name).collect())
            .map_err(|errors| errors.to_string())
    }

    #[test]
    fn only_the_named_ones_are_kept() {
        let apps = json!([{"script": "a.js"}, {"script": "b.js", "name": "c"}, {"script": "d.js"}]);
        assert_eq!(names(&apps, None).unwrap(), ["a", "c", "d"]);
        assert_eq!(names(&apps, Some("c, a")).unwrap(), ["a", "c"]);
    }

    #[test]
    fn one_mistake_stops_them_all() {
        let apps =
            json!([{"script": "a.js"}, {"script": "b.js", "max_restarts": "x"}, {"name": 5}]);
        assert_eq!(
            names(&apps, Some("a")).unwrap_err(),
            "Expect \"max_restarts\" to be a typeof [object Number], but now is [object String]"
        );
    }
}
