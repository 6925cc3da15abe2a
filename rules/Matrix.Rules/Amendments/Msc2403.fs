/// MSC2403 (room version 7).
module Matrix.Rules.Msc2403

/// Knocking.
let knocking: Amendment = {
    Msc = "MSC2403"
    Title = "Knocking"
    Why =
        "One who is not invited may ask to be: a membership and a join rule named knock, and rules for who may knock and take the knock back."
    Changes = [ Change.Setting(Setting.JoinRuleAdded JoinRule.Knock) ]
}
