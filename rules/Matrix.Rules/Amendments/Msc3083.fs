/// MSC3083 (room version 8).
module Matrix.Rules.Msc3083

/// Joining by being in another room.
let restrictedJoins: Amendment = {
    Msc = "MSC3083"
    Title = "Joining by being in another room"
    Why =
        "Members of named rooms may join without an invitation, if a server whose user may invite vouches for it with its signature."
    Changes = [
        Change.Setting(Setting.JoinRuleAdded JoinRule.Restricted)
        Change.Setting(Setting.SignerAdded ExtraSigner.AuthorisingServer)
        Change.Redaction(RedactionEdit.Keep("m.room.join_rules", [ "allow" ]))
    ]
}
