/// MSC2209 (room version 6). v1.19 rooms/v6#authorisation-rules
module Matrix.Rules.Msc2209

open Matrix.Rules.Authorization

let private maps = [ "events"; "notifications" ]

/// Levels of notifications are guarded.
let notificationLevels: Amendment = {
    Msc = "MSC2209"
    Title = "Levels of notifications are guarded"
    Why =
        "The levels under notifications were added after the rules, which did not cover them: anyone who could change \
         power levels could set them to any value. The rules for the levels of events now cover them too."
    Touches = [
        "authorization/power-levels.entries-before"
        "authorization/power-levels.entries-after"
    ]
    Changes = [
        Change.Authorization(Edit.Replace("power-levels.entries-before", PowerLevels.entriesBefore maps))
        Change.Authorization(Edit.Replace("power-levels.entries-after", PowerLevels.entriesAfter maps))
    ]
}
