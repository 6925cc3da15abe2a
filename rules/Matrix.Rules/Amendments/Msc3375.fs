/// MSC3375 (room version 9). v1.19 rooms/v9#redactions
module Matrix.Rules.Msc3375

/// The authorising user survives redaction.
let authorisingUserSurvives: Amendment = {
    Msc = "MSC3375"
    Title = "The authorising user survives redaction"
    Why = "A redacted restricted join lost its join_authorised_via_users_server, so newly joined servers rejected it."
    Touches = [ "redaction/m.room.member" ]
    Changes = [
        Change.Redaction(RedactionEdit.Keep("m.room.member", [ "join_authorised_via_users_server" ]))
    ]
}
