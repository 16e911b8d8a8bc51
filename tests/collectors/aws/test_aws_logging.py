"""What of the use of identities is written down: selectors of trails, regions, and what could not be asked."""

import pytest

from nhiscan.collectors.aws import logging
from nhiscan.collectors.aws._trails import Kept, kept
from tests.collectors.aws.consumers import ACCOUNT, Answers, denied, part

TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/t"
STORE = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/s"
STATUS = "cloudtrail:GetTrailStatus"
SECRETS = "secretsmanager.amazonaws.com"


def advanced(**fields):
    return {
        "AdvancedEventSelectors": [
            {"FieldSelectors": [{"Field": k.replace("__", "."), **v} for k, v in fields.items()]}
        ]
    }


MANAGEMENT = {"Equals": ["Management"]}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, Kept(writes=True, secrets=True)),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, Kept(writes=True, secrets=True)),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly"}]}, Kept(writes=True)),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}, Kept(secrets=True)),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly"}, {"ReadWriteType": "WriteOnly"}]}, Kept(writes=True, secrets=True)),
        ({"EventSelectors": [{"IncludeManagementEvents": False, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}, {"Type": "AWS::Lambda::Function", "Values": []}]}]}, Kept(types=frozenset({"AWS::S3::Object"}))),
        ({"EventSelectors": [{"ExcludeManagementEventSources": ["kms.amazonaws.com"]}]}, Kept(writes=True, secrets=True)),
        (advanced(eventCategory=MANAGEMENT), Kept(writes=True, secrets=True)),
        (advanced(eventCategory=MANAGEMENT, readOnly={"Equals": ["true"]}), Kept(secrets=True)),
        (advanced(eventCategory=MANAGEMENT, readOnly={"Equals": ["false"]}), Kept(writes=True)),
        (advanced(eventCategory=MANAGEMENT, eventSource={"NotEquals": [SECRETS]}), Kept(writes=True)),
        (advanced(eventCategory=MANAGEMENT, eventSource={"Equals": [SECRETS]}), Kept(secrets=True)),
        (advanced(eventCategory=MANAGEMENT, eventSource={"Equals": ["s3.amazonaws.com"]}), Kept()),
        (advanced(eventCategory=MANAGEMENT, eventName={"StartsWith": ["Put"]}), Kept()),
        (advanced(eventCategory={"Equals": ["Data"]}, resources__type={"Equals": ["AWS::Bedrock::AgentAlias"]}), Kept(types=frozenset({"AWS::Bedrock::AgentAlias"}))),
        (advanced(eventCategory={"Equals": ["NetworkActivity"]}), Kept()),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [{}, 5]}]}, Kept()),
    ],
)  # fmt: skip
def test_what_selectors_keep(answer, expected):
    assert kept(answer) == expected


def logs(**given):
    answers = Answers(**{f"cloudtrail__{name}": answer for name, answer in given.items()})
    found = part(logging.COLLECTOR, "audit-trails", answers)
    return found, {
        entry.id.partition("#logging/")[2]: entry.enabled
        for entry in found.logging.values()
        if "trail/" not in entry.id
    }


ONE = {"DescribeTrails": {"trailList": [{"TrailARN": TRAIL, "Name": "t", "LogFileValidationEnabled": True}]}}


def test_no_trail_at_all_is_known_to_be_none():
    assert logs()[1] == {f"{kind}/us-east-1": False for kind in ("api_calls", "secret_access", "data_events")}


def test_a_trail_that_is_switched_off_keeps_nothing():
    assert not any(logs(**ONE, GetTrailStatus={"IsLogging": False})[1].values())


def test_a_trail_that_is_on_keeps_what_its_selectors_say():
    found, told = logs(**ONE, GetTrailStatus={"IsLogging": True})
    assert told == {"api_calls/us-east-1": True, "secret_access/us-east-1": True, "data_events/us-east-1": False}
    assert found.logging[f"{TRAIL}#logging/log_integrity"].enabled is True
    assert found.logging[f"aws:{ACCOUNT}#logging/api_calls/us-east-1"].destination == TRAIL


@pytest.mark.parametrize("operation", ["DescribeTrails", "GetEventSelectors", "ListEventDataStores"])
def test_what_could_not_be_asked_is_unknown(operation):
    given = {
        **ONE,
        "GetTrailStatus": {"IsLogging": True},
        "GetEventSelectors": advanced(eventCategory={"Equals": ["Insight"]}),
    }
    found, told = logs(**{**given, operation: denied(f"cloudtrail:{operation}")})
    assert set(told.values()) == {None}
    assert [g.operation for g in found.gap.values()] == [f"cloudtrail:{operation}"]


def test_a_trail_whose_state_is_unknown_still_does_not_keep_what_it_would_not():
    _, told = logs(**ONE, GetTrailStatus=denied(STATUS))
    assert told == {"api_calls/us-east-1": None, "secret_access/us-east-1": None, "data_events/us-east-1": False}


def test_a_trail_that_is_on_outweighs_one_that_could_not_be_asked():
    def status(params):
        if params["Name"] == TRAIL:
            raise denied(STATUS)
        return {"IsLogging": True}

    both = {"trailList": [{"TrailARN": TRAIL}, {"TrailARN": TRAIL + "2"}]}
    assert logs(DescribeTrails=both, GetTrailStatus=status)[1]["api_calls/us-east-1"] is True


def test_a_store_for_all_regions_counts_everywhere():
    stores = {"ListEventDataStores": {"EventDataStores": [{"EventDataStoreArn": STORE}]}}
    _, told = logs(**stores, GetEventDataStore={"Status": "ENABLED", "MultiRegionEnabled": True})
    assert told["api_calls/every-region"] is True
    assert told["secret_access/every-region"] is True
    stopped = {"Status": "STOPPED_INGESTION", "MultiRegionEnabled": True}
    assert not any(logs(**stores, GetEventDataStore=stopped)[1].values())
    _, told = logs(**stores, GetEventDataStore=denied("cloudtrail:GetEventDataStore"))
    assert set(told.values()) == {None}


def test_stores_are_listed_over_all_pages():
    def listed(params):
        if params.get("NextToken") == "2":
            return {"EventDataStores": [{"EventDataStoreArn": STORE}]}
        return {"EventDataStores": [], "NextToken": "2"}

    assert logs(ListEventDataStores=listed, GetEventDataStore={"Status": "ENABLED"})[1]["api_calls/us-east-1"] is True


@pytest.mark.parametrize(
    ("config", "enabled", "destination"),
    [
        ({}, False, None),
        ({"s3Config": {"bucketName": "b"}}, True, "s3://b"),
        ({"s3Config": {"bucketName": "b"}, "textDataDeliveryEnabled": False}, False, None),
        ({"cloudWatchConfig": {"logGroupName": "/g"}}, True, f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/g"),
    ],
)
def test_model_invocations_are_logged_where_their_text_goes_somewhere(config, enabled, destination):
    answers = Answers(bedrock__GetModelInvocationLoggingConfiguration={"loggingConfig": config})
    (entry,) = part(logging.COLLECTOR, "model-invocation", answers).logging.values()
    assert (entry.enabled, entry.destination) == (enabled, destination)


def test_a_detector_that_could_not_be_asked_is_unknown():
    answers = Answers(
        guardduty__ListDetectors={"DetectorIds": ["d"]}, guardduty__GetDetector=denied("guardduty:GetDetector")
    )
    assert [e.enabled for e in part(logging.COLLECTOR, "threat-detection", answers).logging.values()] == [None]
    answers = Answers(guardduty__ListDetectors={"DetectorIds": ["d"]}, guardduty__GetDetector={"Status": "DISABLED"})
    assert [e.enabled for e in part(logging.COLLECTOR, "threat-detection", answers).logging.values()] == [False]
