/// MSC1659 (room version 3).
module Matrix.Rules.Msc1659

open Matrix.Rules.Authorization

/// Event identifiers are hashes.
let eventIdsAreHashes: Amendment = {
    Msc = "MSC1659"
    Title = "Event identifiers are hashes"
    Why =
        "Two events could carry one identifier. An event is now named by its reference hash, so the identifier is \
         neither sent nor signed for by the server in it, and references need no hashes beside them. Who may redact what, \
         which was asked of the identifiers' servers, is asked of the senders once both events are there."
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
