/// MSC1442 (room version 2). v1.19 rooms/v2#state-resolution
module Matrix.Rules.Msc1442

/// State resolution, second edition.
let stateResolution: Amendment = {
    Msc = "MSC1442"
    Title = "State resolution, second edition"
    Why =
        "The first algorithm lets old state win over new. The second orders conflicting events by their senders' \
         power and by the power levels that they depend on, and checks each against the state resolved so far."
    Touches = [ "setting/state-resolution" ]
    Changes = [ Change.Setting(Setting.StateResolution StateResolutionAlgorithm.V2) ]
}
