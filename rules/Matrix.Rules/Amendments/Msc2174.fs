/// MSC2174 (room version 11).
/// v1.19 rooms/v11#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property
module Matrix.Rules.Msc2174

/// A redaction names its target in its content.
let redactsInContent: Amendment = {
    Msc = "MSC2174"
    Title = "A redaction names its target in its content"
    Why =
        "The redacted event was named beside the content, unlike the data of every other event type, and unprotected. \
         It is now named in the content."
    Touches = [ "setting/redacts"; "redaction/m.room.redaction" ]
    Changes = [
        Change.Setting(Setting.Redacts RedactsPlace.Content)
        Change.Redaction(RedactionEdit.Keep("m.room.redaction", [ "redacts" ]))
    ]
}
