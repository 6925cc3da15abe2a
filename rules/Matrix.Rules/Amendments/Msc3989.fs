/// MSC3989 (room version 11). v1.19 rooms/v11#redactions, v1.19 rooms/v11#event-format-1
module Matrix.Rules.Msc3989

/// The origin is redacted.
let originIsRedacted: Amendment = {
    Msc = "MSC3989"
    Title = "The origin is redacted"
    Why = "No rule reads the top-level member origin, so redaction no longer keeps it."
    Touches = [ "redaction/top-level" ]
    Changes = [ Change.Redaction(RedactionEdit.DropTopLevel [ "origin" ]) ]
}
