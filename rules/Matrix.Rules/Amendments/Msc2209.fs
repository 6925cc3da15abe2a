/// MSC2209 (room version 6).
module Matrix.Rules.Msc2209

open Matrix.Rules.Authorization

let private maps = [ "events"; "notifications" ]

/// Levels of notifications are guarded.
let notificationLevels: Amendment = {
    Msc = "MSC2209"
    Title = "Levels of notifications are guarded"
    Why =
        "The levels under notifications came after the rules and were left out of them: anyone who could change power \
         levels could set them to anything. They are guarded as those of events are."
    Touches = [
        "authorization/power-levels.entries-before"
        "authorization/power-levels.entries-after"
    ]
    Changes = [
        Change.Authorization(Edit.Replace("power-levels.entries-before", PowerLevels.entriesBefore maps))
        Change.Authorization(Edit.Replace("power-levels.entries-after", PowerLevels.entriesAfter maps))
    ]
}
