/// MSC3787 (room version 10).
module Matrix.Rules.Msc3787

/// Knocking where joining is restricted.
let knockRestricted: Amendment = {
    Msc = "MSC3787"
    Title = "Knocking where joining is restricted"
    Why =
        "A room could be joined by being in another room or by knocking, not by either. The join rule knock_restricted allows both."
    Changes = [ Change.Setting(Setting.JoinRuleAdded JoinRule.KnockRestricted) ]
}
