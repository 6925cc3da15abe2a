/// MSC1659 (room version 3).
module Matrix.Rules.Msc1659

/// Event identifiers are hashes.
let eventIdsAreHashes: Amendment = {
    Msc = "MSC1659"
    Title = "Event identifiers are hashes"
    Why =
        "Two events could carry one identifier. An event is now named by its reference hash, so the identifier is \
         neither sent nor signed for by the server in it, and references need no hashes beside them."
    Touches = [
        "setting/event-ids"
        "setting/references"
        "setting/extra-signers"
        "authorization/redaction"
        "authorization/redaction.power"
        "authorization/redaction.same-server"
        "authorization/redaction.otherwise"
    ]
    Changes = [
        Change.Setting(Setting.EventIds EventIdForm.Hash)
        Change.Setting(Setting.References EventReferences.Ids)
        Change.Setting(Setting.SignerRemoved ExtraSigner.EventIdServer)
        Change.Authorization(Edit.Remove "redaction")
    ]
}
