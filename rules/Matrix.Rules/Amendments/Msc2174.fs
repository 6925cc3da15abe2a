/// MSC2174 (room version 11).
module Matrix.Rules.Msc2174

/// A redaction names its target in its content.
let redactsInContent: Amendment = {
    Msc = "MSC2174"
    Title = "A redaction names its target in its content"
    Why =
        "The target stood beside the content, where no other event type keeps its data, and unprotected. It moves into \
         the content."
    Touches = [ "setting/redacts"; "redaction/m.room.redaction" ]
    Changes = [
        Change.Setting(Setting.Redacts RedactsPlace.Content)
        Change.Redaction(RedactionEdit.Keep("m.room.redaction", [ "redacts" ]))
    ]
}
