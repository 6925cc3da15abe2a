/// MSC2432 (room version 6). v1.19 rooms/v6#redactions, v1.19 rooms/v6#authorisation-rules
module Matrix.Rules.Msc2432

/// Aliases are ordinary state.
let aliasesAreOrdinary: Amendment = {
    Msc = "MSC2432"
    Title = "Aliases are ordinary state"
    Why =
        "Anyone could publish any alias in a room and nobody could remove it. The event type m.room.aliases loses its \
         own authorization rule and the protection of its content from redaction."
    Touches = [
        "redaction/m.room.aliases"
        "authorization/aliases"
        "authorization/aliases.state-key"
        "authorization/aliases.server"
        "authorization/aliases.otherwise"
    ]
    Changes = [
        Change.Redaction(RedactionEdit.KeepNothing "m.room.aliases")
        Change.Authorization(Edit.Remove "aliases")
    ]
}
