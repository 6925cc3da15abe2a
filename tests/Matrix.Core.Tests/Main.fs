module Matrix.Core.Tests.Main

open Matrix.Testing

/// What takes seconds at most.
let private quick = [
    JsonTests.tests
    IdentTests.tests
    EventTests.tests
    FacadeJsonTests.tests
    StateTests.tests
    PushTests.tests
    ResolutionTests.tests
    ServiceOrderTests.tests
    WellKnownTests.tests
    PurityTests.tests
    ReferenceTests.tests
    FacadeTests.tests
    SyncTests.tests
    SearchTests.tests
    Federation.RequestAuthTests.tests
    Federation.KeyResponseTests.tests
    Federation.ServerAclTests.tests
    Policy.PolicyRulesTests.tests
    DeviceLists.BrokenTrackerTests.tests
    DeviceLists.UpdateTests.tests
    Cluster.ShardTests.tests
    Cluster.PlacementTests.tests
    Cluster.BrokenPlacementTests.tests
    Cluster.ProtocolTests.tests
    CheckingTests.tests
    CoreProps.tests
    VectorTests.tests
    PduVectorTests.tests
    VersionRegistryTests.tests
    InvariantMutantTests.tests
    AuthCostTests.tests
    SmallWorldTests.tests
    ClaimTests.tests
    CoverTests.tests
    ProofTests.tests
    RulesAsDataTests.tests
    TablesOnlyTests.tests
    StateResTests.tests
    StateResetTests.tests
    SmallestRoomTests.tests
    HostileGraphTests.tests
    ReplayTests.tests
    StateResProps.tests
    BrokenResolutionTests.tests
    ResolutionMutationTests.tests
    IncomingFetchingTests.tests
    IncomingRetryTests.tests
    IncomingRememberedTests.tests
    IncomingStrangersTests.tests
    IncomingRequestsTests.tests
    IncomingWaitingTests.tests
    IncomingWorkTests.tests
    IncomingNotStoredTests.tests
    IncomingStatesTests.tests
    IncomingOutliersTests.tests
    IncomingHistoryTests.tests
    IncomingOldEventTests.tests
    IncomingVerdictTests.tests
    HostileRoomTests.tests
    RoomMachineTests.tests
]

/// What `--quick` leaves out.
let private slow = [
    MutationTests.tests
    InvariantMutantTests.slow
    AuthProps.tests
    SmallWorldTests.slow
    ClaimTests.slow
    ProofTests.slow
    DifferenceTests.tests
    HostileGraphTests.slow
    SimulationTests.tests
    Cluster.ProtocolTests.slow
]

[<EntryPoint>]
let main arguments =
    Running.run "Matrix.Core.Tests" arguments quick slow
