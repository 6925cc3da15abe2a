/// MSC2176 (room version 11). v1.19 rooms/v11#redactions
module Matrix.Rules.Msc2176

/// Redaction keeps what the rules read.
let redactionKeepsWhatRulesRead: Amendment = {
    Msc = "MSC2176"
    Title = "Redaction keeps what the rules read"
    Why =
        "Redaction removed content that authorization reads, such as the invite level and most of the create event, \
         and kept members of old events that no longer have a meaning."
    Touches = [
        "redaction/top-level"
        "redaction/m.room.create"
        "redaction/m.room.power_levels"
    ]
    Changes = [
        Change.Redaction(RedactionEdit.DropTopLevel [ "membership"; "prev_state" ])
        Change.Redaction(RedactionEdit.KeepWhole "m.room.create")
        Change.Redaction(RedactionEdit.Keep("m.room.power_levels", [ "invite" ]))
    ]
}
