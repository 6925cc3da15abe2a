/// MSC4289 (room version 12).
module Matrix.Rules.Msc4289

let private additionalCreators =
    let place = [ "additional_creators" ]

    clause
        "create.additional-creators"
        "If additional_creators is present and is not a list of user ids, reject."
        (Condition.And [
            Condition.ContentHas place
            Condition.Not(Condition.ContentIs(place, Shape.ListOf Shape.UserId))
        ])
        (Outcome.Reject Reason.AdditionalCreatorsMalformed)

let private levelsOfCreators =
    clause
        "power-levels.creators"
        "If users has an entry of a creator of the room, reject."
        (Condition.KeysNameACreator [ "users" ])
        (Outcome.Reject Reason.LevelGivenToCreator)

/// Creators stand above all levels.
let privilegedCreators: Amendment = {
    Msc = "MSC4289"
    Title = "Creators stand above all levels"
    Why =
        "Creators could lose their room to those whom they had promoted. They have more power than any level, cannot be \
         given one, and the create event may name more of them."
    Touches = [
        "setting/creators"
        "setting/creator-power"
        "authorization/create.additional-creators"
        "authorization/power-levels.creators"
    ]
    Changes = [
        Change.Setting(Setting.Creators Creators.SenderAndAdditional)
        Change.Setting(Setting.CreatorPower CreatorPower.Infinite)
        Change.Authorization(Edit.InsertAfter("create.room-version", additionalCreators))
        Change.Authorization(Edit.InsertAfter("power-levels.users", levelsOfCreators))
    ]
}
