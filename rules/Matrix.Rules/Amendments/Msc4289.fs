/// MSC4289 (room version 12).
module Matrix.Rules.Msc4289

/// Creators stand above all levels.
let privilegedCreators: Amendment = {
    Msc = "MSC4289"
    Title = "Creators stand above all levels"
    Why =
        "Creators could lose their room to those whom they had promoted. They have more power than any level, cannot be given one, and the create event may name more of them."
    Changes = [
        Change.Setting(Setting.Creators Creators.SenderAndAdditional)
        Change.Setting(Setting.CreatorPower CreatorPower.Infinite)
    ]
}
