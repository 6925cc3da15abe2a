/// MSC1659 (room version 3). v1.19 rooms/v3#event-ids, v1.19 rooms/v3#event-format, v1.19 rooms/v3#authorisation-rules,
/// v1.19 rooms/v3#handling-redactions
module Matrix.Rules.Msc1659

open Matrix.Rules.Authorization

/// Event identifiers are hashes.
let eventIdsAreHashes: Amendment = {
    Msc = "MSC1659"
    Title = "Event identifiers are hashes"
    Why =
        "A server could give two events the same id. The id is now the event's reference hash, so it is not sent, it \
         needs no signature of the server that it named, and references to events need no hashes. Redactions were \
         checked by the servers named in the event ids. They are now applied by the senders of both events, once both \
         events are known."
    Touches = [
        "setting/event-ids"
        "setting/references"
        "setting/extra-signers"
        "authorization/redaction"
        "authorization/redaction.power"
        "authorization/redaction.same-server"
        "authorization/redaction.otherwise"
        "handling/redaction.applied.power"
        "handling/redaction.applied.same-server"
        "handling/redaction.applied.otherwise"
    ]
    Changes = [
        Change.Setting(Setting.EventIds EventIdForm.Hash)
        Change.Setting(Setting.References EventReferences.Ids)
        Change.Setting(Setting.SignerRemoved ExtraSigner.EventIdServer)
        Change.Authorization(Edit.Remove "redaction")
        Change.Handling(Edit.InsertBefore("redaction.applied.otherwise", Handling.byPower))
        Change.Handling(Edit.InsertBefore("redaction.applied.otherwise", Handling.bySameServer))
        Change.Handling(Edit.Replace("redaction.applied.otherwise", Handling.notOtherwise))
    ]
}
