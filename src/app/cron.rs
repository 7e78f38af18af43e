//! Checks a cron pattern, with the messages that pm2 gives.

/// A field of a pattern: its name in messages and the values it takes.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
}

const FIELDS: [Field; 6] = [
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
pub(super) fn check(pattern: &str) -> Result<(), String> {
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
    let plain = match field {
        3 => part.to_uppercase().replace('L', ""),
        4 => numbered(part, &MONTHS, 1),
        5 => numbered(part, &DAYS, 0),
        _ => part.to_owned(),
    };
    if plain.contains(|c: char| !(c.is_ascii_digit() || matches!(c, '*' | ',' | '-' | '/' | '?'))) {
        return Err(format!(
            "CronPattern: configuration entry {position} ({part}) contains illegal characters."
        ));
    }
    if plain.is_empty() {
        return Ok(());
    }
    plain
        .split(',')
        .try_for_each(|entry| check_entry(&FIELDS[field], entry))
}

/// `part` with names replaced by their numbers.
fn numbered(part: &str, names: &[&str], first: usize) -> String {
    let upper = part.to_uppercase();
    names.iter().enumerate().fold(upper, |text, (index, name)| {
        text.replace(name, &(index + first).to_string())
    })
}

fn check_entry(field: &Field, entry: &str) -> Result<(), String> {
    let (range, step) = match entry.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (entry, None),
    };
    if let Some(step) = step {
        check_step(field, step)?;
    }
    match range.split_once('-') {
        Some((from, to)) => {
            let (low, high) = (check_value(field, from)?, check_value(field, to)?);
            if low > high {
                return Err(format!(
                    "CronPattern: From value is larger than to value: '{entry}'"
                ));
            }
            Ok(())
        }
        None if matches!(range, "*" | "?") => Ok(()),
        None if range.is_empty() && step.is_some() => Ok(()),
        None => check_value(field, range).map(|_| ()),
    }
}

fn check_step(field: &Field, step: &str) -> Result<(), String> {
    match step.parse::<u32>() {
        Ok(0) => Err("CronPattern: Syntax error, illegal stepping: 0".to_owned()),
        Ok(step) if step > field.most + 1 => Err(format!(
            "CronPattern: Syntax error, max step is {}: '{step}'",
            field.most + 1
        )),
        Ok(_) => Ok(()),
        Err(_) => Err(format!(
            "CronPattern: Syntax error, illegal stepping: '{step}'"
        )),
    }
}

fn check_value(field: &Field, text: &str) -> Result<u32, String> {
    let out_of_range = || format!("CronPattern: {} value out of range: '{text}'", field.name);
    let value: u32 = text.parse().map_err(|_| out_of_range())?;
    if (field.least..=field.most).contains(&value) {
        Ok(value)
    } else {
        Err(out_of_range())
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
