/// MSC2540 (room version 6).
module Matrix.Rules.Msc2540

/// Canonical JSON is enforced.
let strictJson: Amendment = {
    Msc = "MSC2540"
    Title = "Canonical JSON is enforced"
    Why =
        "Servers disagreed on numbers outside of the range that every JSON reader shares, and on floats. What is not canonical JSON is refused."
    Changes = [
        Change.Setting(Setting.Json JsonStrictness.Strict)
        Change.Setting(Setting.MaximumDepth 9007199254740991L)
        Change.Setting(Setting.PowerLevelValues PowerLevelValues.IntegersAndStrings)
    ]
}
