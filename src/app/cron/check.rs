//! Checks a cron pattern, with the messages that pm2 gives.

/// A field of a pattern: its name in messages and the values it takes.
pub(super) struct Field {
    name: &'static str,
    pub(super) least: u32,
    pub(super) most: u32,
}

pub(super) const FIELDS: [Field; 6] = [
    Field {
        name: "seconds",
        least: 0,
        most: 59,
    },
    Field {
        name: "minutes",
        least: 0,
        most: 59,
    },
    Field {
        name: "hours",
        least: 0,
        most: 23,
    },
    Field {
        name: "days",
        least: 1,
        most: 31,
    },
    Field {
        name: "months",
        least: 1,
        most: 12,
    },
    Field {
        name: "daysOfWeek",
        least: 0,
        most: 7,
    },
];

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Whether `pattern` has five or six fields that make sense; if not, what is wrong with it.
pub(in super::super) fn check(pattern: &str) -> Result<(), String> {
    let parts: Vec<&str> = pattern.split_whitespace().collect();
    // With five fields the seconds are left out; pm2's messages count the fields as written.
    let skipped = match parts.len() {
        6 => 0,
        5 => 1,
        _ => {
            return Err(format!(
                "CronPattern: invalid configuration format ('{pattern}'), exacly five or six space separated parts required."
            ));
        }
    };
    for (index, part) in parts.iter().enumerate() {
        check_field(index + skipped, index + 1, part)?;
    }
    Ok(())
}

fn check_field(field: usize, position: usize, part: &str) -> Result<(), String> {
    let plain = plain(field, part);
    if plain.contains(|c: char| !(c.is_ascii_digit() || matches!(c, '*' | ',' | '-' | '/' | '?'))) {
        let shown = if field >= 4 { &plain } else { part };
        return Err(format!(
            "CronPattern: configuration entry {position} ({shown}) contains illegal characters."
        ));
    }
    plain
        .split(',')
        .try_for_each(|entry| check_entry(&FIELDS[field], entry))
}

/// A field without names: numbers in their place, nothing for the last day of the month.
pub(super) fn plain(field: usize, part: &str) -> String {
    match field {
        3 if part.eq_ignore_ascii_case("L") => String::new(),
        4 => numbered(part, &MONTHS, 1),
        5 => numbered(part, &DAYS, 0),
        _ => part.to_owned(),
    }
}

/// `part` with names replaced by their numbers.
fn numbered(part: &str, names: &[&str], first: usize) -> String {
    let upper = part.to_uppercase();
    names.iter().enumerate().fold(upper, |text, (index, name)| {
        text.replace(name, &(index + first).to_string())
    })
}

fn check_entry(field: &Field, entry: &str) -> Result<(), String> {
    match (entry.contains('-'), entry.contains('/')) {
        (true, true) => check_stepped_range(field, entry),
        (true, false) => check_range(field, entry, entry),
        (false, true) => {
            let mut pieces = entry.split('/');
            let (start, step) = (pieces.next().unwrap_or_default(), pieces.next());
            if pieces.next().is_some() {
                return Err(format!(
                    "CronPattern: Syntax error, illegal stepping: '{entry}'"
                ));
            }
            check_step(field, step.unwrap_or_default())?;
            check_single(field, start)
        }
        (false, false) => check_single(field, entry),
    }
}

fn check_stepped_range(field: &Field, entry: &str) -> Result<(), String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let pieces: Vec<&str> = entry.split('/').collect();
    let well_formed = match pieces[..] {
        [range, step] => {
            let bounds: Vec<&str> = range.split('-').collect();
            bounds.len() == 2 && is_number(step) && bounds.into_iter().all(is_number)
        }
        _ => false,
    };
    if !well_formed {
        return Err(format!(
            "CronPattern: Syntax error, illegal range with stepping: '{entry}'"
        ));
    }
    check_step(field, pieces[1])?;
    check_range(field, pieces[0], entry)
}

fn check_range(field: &Field, range: &str, entry: &str) -> Result<(), String> {
    let bounds: Vec<&str> = range.split('-').collect();
    let &[lower, upper] = &bounds[..] else {
        return Err(format!(
            "CronPattern: Syntax error, illegal range: '{entry}'"
        ));
    };
    let bound = |text: &str, which: &str| {
        text.parse::<u32>()
            .map_err(|_| format!("CronPattern: Syntax error, illegal {which} range (NaN)"))
    };
    let (lower, upper) = (bound(lower, "lower")?, bound(upper, "upper")?);
    if lower < field.least || upper > field.most {
        return Err(format!("CronPattern: Value out of range: '{entry}'"));
    }
    if lower > upper {
        return Err(format!(
            "CronPattern: From value is larger than to value: '{entry}'"
        ));
    }
    Ok(())
}

fn check_step(field: &Field, step: &str) -> Result<(), String> {
    let most = field.most - field.least + 1;
    match step.parse::<u32>() {
        Ok(0) => Err("CronPattern: Syntax error, illegal stepping: 0".to_owned()),
        Ok(step) if step > most => Err(format!(
            "CronPattern: Syntax error, steps cannot be greater than maximum value of part ({most})"
        )),
        Ok(_) => Ok(()),
        Err(_) => Err("CronPattern: Syntax error, illegal stepping: (NaN)".to_owned()),
    }
}

/// `*`, `?` (now), a number, or nothing, which an additional `,` leaves.
fn check_single(field: &Field, text: &str) -> Result<(), String> {
    let in_range = || {
        text.parse::<u32>()
            .is_ok_and(|value| (field.least..=field.most).contains(&value))
    };
    if matches!(text, "" | "*" | "?") || in_range() {
        Ok(())
    } else {
        Err(format!(
            "CronPattern: {} value out of range: '{text}'",
            field.name
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn good_patterns_pass() {
        for pattern in [
            "* * * * *",
            "* * * * * *",
            "*/2 * * * *",
            "0 0 1 1 *",
            "* * L * *",
            "0 0 * * MON-FRI",
            "0 0 * * 7",
            "0 0 * jan *",
            " * * * * * ",
            "? * * * *",
            "1,2,5-9/2 * * * *",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn bad_patterns_fail_with_what_is_wrong() {
        let format = |pattern: &str| {
            format!(
                "invalid configuration format ('{pattern}'), exacly five or six space separated parts required."
            )
        };
        for (pattern, wrong) in [
            ("a b c", format("a b c")),
            ("", format("")),
            ("* * * * * * *", format("* * * * * * *")),
            ("61 * * * *", "minutes value out of range: '61'".to_owned()),
            (
                "L * * * *",
                "configuration entry 1 (L) contains illegal characters.".to_owned(),
            ),
            (
                "* * * * FOO",
                "configuration entry 5 (FOO) contains illegal characters.".to_owned(),
            ),
            (
                "*/0 * * * *",
                "Syntax error, illegal stepping: 0".to_owned(),
            ),
            (
                "5-1 * * * *",
                "From value is larger than to value: '5-1'".to_owned(),
            ),
        ] {
            assert_eq!(
                check(pattern),
                Err(format!("CronPattern: {wrong}")),
                "{pattern}"
            );
        }
    }
}
