/// MSC3821 (room version 11). v1.19 rooms/v11#redactions
module Matrix.Rules.Msc3821

/// The signed part of a third-party invitation survives redaction.
let thirdPartySignedSurvives: Amendment = {
    Msc = "MSC3821"
    Title = "The signed part of a third-party invitation survives redaction"
    Why =
        "A redacted third-party invitation could no longer be authorised, since redaction removed the part that the \
         identity server signed."
    Touches = [ "redaction/m.room.member" ]
    Changes = [
        Change.Redaction(RedactionEdit.Keep("m.room.member", [ "third_party_invite"; "signed" ]))
    ]
}
