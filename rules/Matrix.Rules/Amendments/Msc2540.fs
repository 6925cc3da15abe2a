/// MSC2540 (room version 6). v1.19 rooms/v6#canonical-json, v1.19 rooms/v6#event-format
module Matrix.Rules.Msc2540

open Matrix.Rules.Authorization

/// Canonical JSON is enforced.
let strictJson: Amendment = {
    Msc = "MSC2540"
    Title = "Canonical JSON is enforced"
    Why =
        "Servers disagreed on floats and on numbers outside of the range that all JSON readers share. Events that are \
         not canonical JSON are now refused."
    Touches = [
        "setting/json"
        "setting/maximum-depth"
        "setting/power-level-values"
        "authorization/power-levels.users"
    ]
    Changes = [
        Change.Setting(Setting.Json JsonStrictness.Strict)
        Change.Setting(Setting.MaximumDepth Limits.Integer)
        Change.Setting(Setting.PowerLevelValues PowerLevelValues.IntegersAndStrings)
        Change.Authorization(
            Edit.Reword(
                "power-levels.users",
                "If users is present and is not an object from user ids to levels, which are integers, or strings \
                 that hold an integer, reject.",
                PowerLevels.usersMalformed PowerLevelValues.IntegersAndStrings
            )
        )
    ]
}
