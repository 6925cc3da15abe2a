/// MSC4289 (room version 12). v1.19 rooms/v12#authorisation-rules
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

/// Creators have more power than any level.
let privilegedCreators: Amendment = {
    Msc = "MSC4289"
    Title = "Creators have more power than any level"
    Why =
        "Creators could lose their room to users whom they had promoted. They now have more power than any level and \
         cannot be given a level, and the create event may name additional creators."
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
