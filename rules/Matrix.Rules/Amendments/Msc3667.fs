/// MSC3667 (room version 10). v1.19 rooms/v10#deprecated-event-content-schemas,
/// v1.19 rooms/v10#values-in-mroompower_levels-events-must-be-integers
module Matrix.Rules.Msc3667

open Matrix.Rules.Authorization

let private named =
    clause
        "power-levels.named"
        "If a named or default level is present and is not an integer, reject."
        (PowerLevels.malformed PowerLevels.settings Shape.Integer)
        (Outcome.Reject Reason.LevelsMalformed)

let private maps =
    clause
        "power-levels.maps"
        "If events or notifications is present and is not an object of integers, reject."
        (PowerLevels.malformed [ "events"; "notifications" ] (Shape.ObjectOf Shape.Integer))
        (Outcome.Reject Reason.LevelMapsMalformed)

/// Power levels are integers.
let integerPowerLevels: Amendment = {
    Msc = "MSC3667"
    Title = "Power levels are integers"
    Why =
        "Different servers read levels written as strings differently. Every level in a power levels event must now be \
         an integer."
    Touches = [
        "setting/power-level-values"
        "authorization/power-levels.named"
        "authorization/power-levels.maps"
        "authorization/power-levels.users"
        "authorization/power-levels.settings.malformed"
        "authorization/power-levels.entries-after.malformed"
    ]
    Changes = [
        Change.Setting(Setting.PowerLevelValues PowerLevelValues.Integers)
        Change.Authorization(Edit.InsertBefore("power-levels.users", named))
        Change.Authorization(Edit.InsertBefore("power-levels.users", maps))
        Change.Authorization(
            Edit.Reword(
                "power-levels.users",
                "If users is present and is not an object from user ids to integers, reject.",
                PowerLevels.usersMalformed PowerLevelValues.Integers
            )
        )
        // The clauses above refuse what these did, in the first event of a room too.
        Change.Authorization(Edit.Remove "power-levels.settings.malformed")
        Change.Authorization(Edit.Remove "power-levels.entries-after.malformed")
    ]
}
