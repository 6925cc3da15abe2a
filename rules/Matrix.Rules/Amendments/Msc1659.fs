/// MSC1659 (room version 3).
module Matrix.Rules.Msc1659

open Matrix.Rules.Authorization

/// Event identifiers are hashes.
let eventIdsAreHashes: Amendment = {
    Msc = "MSC1659"
    Title = "Event identifiers are hashes"
    Why =
        "Two events could have the same id. The id is now the reference hash, so it is not sent, needs no signature \
         of the server in it, and references need no hashes. Which redactions are applied depended on the servers in \
         the ids; it now depends on the senders, once both events are known."
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
