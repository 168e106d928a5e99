"""contacts, visits, notes, limits

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-22 23:42:58.386833

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('limit_adoption',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('adopted_on', sa.Date(), nullable=False),
    sa.Column('limits', sa.JSON(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('attested_by_id', sa.Integer(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['attested_by_id'], ['user.id'], name=op.f('fk_limit_adoption_attested_by_id_user')),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_limit_adoption_clinic_id_clinic')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_limit_adoption'))
    )
    with op.batch_alter_table('limit_adoption', schema=None) as batch_op:
        batch_op.create_index('ix_limit_adoption_clinic_id_adopted_on', ['clinic_id', 'adopted_on'], unique=False)

    op.create_table('onboarding_batch',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('public_id', sa.String(length=32), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('file_name', sa.String(length=255), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('columns', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('uploaded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('uploaded_by', sa.String(length=200), nullable=False),
    sa.Column('loaded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('undone_reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_onboarding_batch_clinic_id_clinic')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_onboarding_batch')),
    sa.UniqueConstraint('public_id', name=op.f('uq_onboarding_batch_public_id'))
    )
    with op.batch_alter_table('onboarding_batch', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_onboarding_batch_clinic_id'), ['clinic_id'], unique=False)

    op.create_table('document',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('public_id', sa.String(length=32), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=True),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('file_name', sa.String(length=255), nullable=False),
    sa.Column('media_type', sa.String(length=100), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_by', sa.String(length=200), nullable=True),
    sa.Column('withdrawn_reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['user.id'], name=op.f('fk_document_by_id_user')),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_document_clinic_id_clinic')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_document_patient_id_patient')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_document')),
    sa.UniqueConstraint('public_id', name=op.f('uq_document_public_id'))
    )
    with op.batch_alter_table('document', schema=None) as batch_op:
        batch_op.create_index('ix_document_patient_id_at', ['patient_id', 'at'], unique=False)
        batch_op.create_index(batch_op.f('ix_document_sha256'), ['sha256'], unique=False)

    op.create_table('note',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('public_id', sa.String(length=32), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_by', sa.String(length=200), nullable=True),
    sa.Column('withdrawn_reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['user.id'], name=op.f('fk_note_by_id_user')),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_note_clinic_id_clinic')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_note_patient_id_patient')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_note')),
    sa.UniqueConstraint('public_id', name=op.f('uq_note_public_id'))
    )
    with op.batch_alter_table('note', schema=None) as batch_op:
        batch_op.create_index('ix_note_patient_id_at', ['patient_id', 'at'], unique=False)

    op.create_table('onboarding_row',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('data', sa.JSON(), nullable=False),
    sa.Column('outcome', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['batch_id'], ['onboarding_batch.id'], name=op.f('fk_onboarding_row_batch_id_onboarding_batch')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_onboarding_row_patient_id_patient')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_onboarding_row')),
    sa.UniqueConstraint('batch_id', 'position', name=op.f('uq_onboarding_row_batch_id_position'))
    )
    with op.batch_alter_table('onboarding_row', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_onboarding_row_patient_id'), ['patient_id'], unique=False)

    op.create_table('portal_entry',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=False),
    sa.Column('line', sa.String(length=60), nullable=False),
    sa.Column('value', sa.String(length=400), nullable=False),
    sa.Column('entered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('entered_by', sa.String(length=200), nullable=False),
    sa.Column('entered_by_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_portal_entry_clinic_id_clinic')),
    sa.ForeignKeyConstraint(['entered_by_id'], ['user.id'], name=op.f('fk_portal_entry_entered_by_id_user')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_portal_entry_patient_id_patient')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_portal_entry'))
    )
    with op.batch_alter_table('portal_entry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_portal_entry_clinic_id'), ['clinic_id'], unique=False)
        batch_op.create_index('ix_portal_entry_patient_id_line', ['patient_id', 'line', 'entered_at'], unique=False)

    op.create_table('visit_draft',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('public_id', sa.String(length=32), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('answers', sa.JSON(), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.JSON(), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['user.id'], name=op.f('fk_visit_draft_by_id_user')),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_visit_draft_clinic_id_clinic')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_visit_draft_patient_id_patient')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_visit_draft')),
    sa.UniqueConstraint('public_id', name=op.f('uq_visit_draft_public_id'))
    )
    with op.batch_alter_table('visit_draft', schema=None) as batch_op:
        batch_op.create_index('ix_visit_draft_patient_id_finished_at', ['patient_id', 'finished_at'], unique=False)

    op.create_table('contact',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('public_id', sa.String(length=32), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=False),
    sa.Column('course_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=True),
    sa.Column('outcome', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.Column('handed_to_id', sa.Integer(), nullable=True),
    sa.Column('grouping', sa.String(length=20), nullable=False),
    sa.Column('headline', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['user.id'], name=op.f('fk_contact_by_id_user')),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_contact_clinic_id_clinic')),
    sa.ForeignKeyConstraint(['course_id'], ['course.id'], name=op.f('fk_contact_course_id_course')),
    sa.ForeignKeyConstraint(['handed_to_id'], ['user.id'], name=op.f('fk_contact_handed_to_id_user')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_contact_patient_id_patient')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contact')),
    sa.UniqueConstraint('public_id', name=op.f('uq_contact_public_id'))
    )
    with op.batch_alter_table('contact', schema=None) as batch_op:
        batch_op.create_index('ix_contact_clinic_id_at', ['clinic_id', 'at'], unique=False)
        batch_op.create_index('ix_contact_patient_id_at', ['patient_id', 'at'], unique=False)

    op.add_column('clinic', sa.Column('settings', sa.JSON(), nullable=False, server_default='{}'))



def downgrade():
    # Not in batch mode: SQLite would make the table anew and lose what points at it.
    op.drop_column('clinic', 'settings')

    with op.batch_alter_table('contact', schema=None) as batch_op:
        batch_op.drop_index('ix_contact_patient_id_at')
        batch_op.drop_index('ix_contact_clinic_id_at')

    op.drop_table('contact')
    with op.batch_alter_table('visit_draft', schema=None) as batch_op:
        batch_op.drop_index('ix_visit_draft_patient_id_finished_at')

    op.drop_table('visit_draft')
    with op.batch_alter_table('portal_entry', schema=None) as batch_op:
        batch_op.drop_index('ix_portal_entry_patient_id_line')
        batch_op.drop_index(batch_op.f('ix_portal_entry_clinic_id'))

    op.drop_table('portal_entry')
    with op.batch_alter_table('onboarding_row', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_onboarding_row_patient_id'))

    op.drop_table('onboarding_row')
    with op.batch_alter_table('note', schema=None) as batch_op:
        batch_op.drop_index('ix_note_patient_id_at')

    op.drop_table('note')
    with op.batch_alter_table('document', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_document_sha256'))
        batch_op.drop_index('ix_document_patient_id_at')

    op.drop_table('document')
    with op.batch_alter_table('onboarding_batch', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_onboarding_batch_clinic_id'))

    op.drop_table('onboarding_batch')
    with op.batch_alter_table('limit_adoption', schema=None) as batch_op:
        batch_op.drop_index('ix_limit_adoption_clinic_id_adopted_on')

    op.drop_table('limit_adoption')
